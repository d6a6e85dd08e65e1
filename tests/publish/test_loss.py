from lorabuild.publish.loss import timestep_range, words
from lorabuild.schema.training import Training


def told(**settings):
    return words(Training.model_validate(settings))


def test_what_is_off_says_none_and_has_no_details():
    assert told() == {
        "ss_loss_type": "l2",
        "ss_min_snr_gamma": "None",
        "ss_debiased_estimation": "False",
        "ss_caption_dropout_rate": "0.0",
        "ss_caption_dropout_every_n_epochs": "0",
        "ss_noise_offset": "None",
        "ss_adaptive_noise_scale": "None",
        "ss_multires_noise_iterations": "None",
        "ss_ip_noise_gamma": "None",
    }


def test_what_is_on_says_all(standard):
    noise = {"offset": 0.05, "offset_adaptive": 0.01, "pyramid": 6, "pyramid_discount": 0.4, "ip_gamma": 0.1}
    found = told(loss={"type": "huber"}, min_snr_gamma=5, noise={**noise, "ip_gamma_random": True})
    assert found.items() >= {
        ("ss_loss_type", "huber"),
        ("ss_adaptive_noise_scale", "0.01"),
        ("ss_multires_noise_iterations", "6"),
        ("ss_multires_noise_discount", "0.4"),
        ("ss_ip_noise_gamma", "0.1"),
        ("ss_ip_noise_gamma_random_strength", "True"),
    }
    example = standard["example"]
    assert {*found} <= {*example}
    for word in ("ss_huber_schedule", "ss_huber_c", "ss_huber_scale", "ss_min_snr_gamma", "ss_noise_offset"):
        assert found[word] == example[word]
    assert found["ss_noise_offset_random_strength"] == example["ss_noise_offset_random_strength"]


def test_the_range_of_timesteps():
    def of(**settings):
        return timestep_range(Training.model_validate({"timesteps": {"type": "uniform", **settings}}).timesteps)

    assert (of(min=100, max=900), of(max=500), of(min=3)) == ("100,900", "0,500", "3,1000")
    assert of() is None
    assert of(max=1000) is None
