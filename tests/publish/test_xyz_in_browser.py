"""The page of a grid in headless Chromium: by mouse, by keys, on a phone; ``lorabuild.publish.xyz`` made it."""

import io

import pytest
from chromium import MISSING, started
from PIL import Image

from lorabuild.publish.page import Picture
from lorabuild.publish.xyz import Page, Shown, render

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "")

FOCUS, SAID = "return document.activeElement.id", "return document.getElementById('large-said').textContent"


def picture(number):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (20 * number % 256, 90, 120)).save(buffer, format="WEBP", lossless=True)
    return Picture(buffer.getvalue(), "image/webp", 64, 64)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Three columns, the first without the LoRA, in two rows; the middle of the second is missing."""
    cells = [
        Shown(
            f"zorbl · {number}",
            number % 3 == 0,
            None if number == 4 else picture(number),
            None if number % 3 == 0 else 0,
        )
        for number in range(6)
    ]
    columns, rows = ["without LoRA", "epoch 1", "epoch 2"], ["weight 0.5", "weight 1"]
    page = Page("tiny", ["epoch", "weight", ""], [("seed", "42")], columns, rows, ["zorbl"], frozenset([0]), cells)
    path = tmp_path_factory.mktemp("page") / "grid.html"
    path.write_bytes(render(page))
    return path.as_uri()


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    driver = started(tmp_path_factory.mktemp("profile"), "browser")
    yield driver
    driver.quit()


@pytest.fixture
def opened(driver, address):
    def look(width=1280, height=900):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get_log("browser")
        driver.get(address)
        return driver

    return look


@pytest.mark.parametrize("width", [390, 1280])
def test_every_picture_loads_nothing_is_complained_of_and_nothing_sticks_out(opened, width):
    browser = opened(width)
    loaded = browser.execute_script("return [...document.images].map(one => one.complete && one.naturalWidth > 0)")
    assert loaded == [True] * 5
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_pointing_at_a_picture_shows_it_beside_the_base(opened):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser = opened()
    peek = browser.find_element(By.ID, "peek")
    assert not peek.is_displayed()
    ActionChains(browser).move_to_element(browser.find_element(By.ID, "c2")).perform()
    WebDriverWait(browser, 5).until(lambda _: peek.is_displayed())
    assert peek.text.split("\n") == ["without LoRA", "zorbl · 2"]
    ActionChains(browser).move_to_element(browser.find_element(By.TAG_NAME, "h1")).perform()
    assert not peek.is_displayed()


def test_keys_walk_enlarge_and_come_back(opened):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    browser = opened()

    def press(key):
        browser.switch_to.active_element.send_keys(key)

    browser.execute_script("document.getElementById('c0').focus()")
    press(Keys.ARROW_DOWN)
    press(Keys.ARROW_RIGHT)
    assert browser.execute_script(FOCUS) == "c5", "a missing picture is passed over"
    press(Keys.ENTER)
    assert browser.execute_script(SAID) == "zorbl · 5"
    assert browser.execute_script("return document.querySelectorAll('.pictures img').length") == 2
    press(Keys.ARROW_UP)
    assert browser.execute_script(SAID) == "zorbl · 2"
    press(Keys.ESCAPE)
    WebDriverWait(browser, 5).until(lambda _: browser.execute_script(FOCUS) == "c2")
    assert browser.execute_script("return document.getElementById('large').open") is False


def test_the_size_can_be_set(opened):
    browser = opened()
    width = "return document.querySelector('#c1').getBoundingClientRect().width"
    before = browser.execute_script(width)
    browser.execute_script("zoom.value = 2; zoom.dispatchEvent(new Event('input'))")
    assert browser.execute_script(width) == pytest.approx(2 * before, abs=1)


def test_on_a_phone_a_tap_enlarges(opened):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser = opened(390, 844)
    browser.find_element(By.ID, "c1").click()
    large = browser.find_element(By.CSS_SELECTOR, ".pictures img")
    assert large.size["width"] > 250
    browser.find_element(By.CSS_SELECTOR, "[data-go=right]").click()
    assert browser.execute_script(SAID) == "zorbl · 2"
    browser.find_element(By.CSS_SELECTOR, "[data-go=close]").click()
    WebDriverWait(browser, 5).until(lambda _: browser.execute_script(FOCUS) == "c2")
