"""Words of clothing: what may be merged into one tag, in which order its words stand, and what is footwear.

Our own list, made for precision: a word that is missing only leaves two tags where one would do.
"""

from __future__ import annotations


def _list(text: str) -> frozenset[str]:
    return frozenset(text.split())


FOOTWEAR = _list(
    """boot boots clog clogs flats flip-flops flops footwear geta heel heels high-tops janes loafers moccasins okobo
    pumps sandal sandals shoe shoes slipper slippers sneaker sneakers stilettos tabi uwabaki wedges zouri"""
)
GARMENTS = FOOTWEAR | _list(
    """apron armor ascot bandana belt beret bikini blazer blindfold blouse bodysuit bonnet bowtie bra bustier cap cape
    capelet cardigan cloak coat corset crown dress earmuffs fedora fishnets garters gloves gown haori hat headband
    helmet hoodie jacket jeans jumpsuit kimono kneehighs leggings leotard loincloth miniskirt mittens necktie
    nightgown obi overalls pajamas panties pants pantyhose petticoat poncho robe sarong scarf shawl shirt shorts skirt
    sleepwear socks stole suit sunglasses suspenders sweater sweatshirt swimsuit tabard thighhighs tie tights top
    trousers tunic turtleneck tutu tuxedo underwear unitard veil vest waistcoat yukata"""
)
"""Things that one figure wears one of: two tags that end in the same one speak of the same thing."""

ORDER: dict[str, frozenset[str]] = {
    "state": _list("dirty loose open oversized ripped tattered tight torn unbuttoned undone untied unzipped wet"),
    "length": _list(
        """ankle big cropped elbow giant high huge knee large long micro mid midi mini short small thigh tiny wide"""
    ),
    "shade": _list("bright dark light pale"),
    "colour": _list(
        """aqua beige black blue brown copper crimson cyan gold golden gray green grey lavender magenta maroon
        multicolored orange pink purple rainbow red silver tan teal turquoise two-tone violet white yellow"""
    ),
    "pattern": _list(
        """argyle camouflage checkered diagonal-striped floral gingham gradient houndstooth leopard patterned
        pinstripe plaid polka-dot print spotted striped tartan tiger vertical-striped"""
    ),
    "material": _list(
        """cotton denim fishnet fleece fur knit lace latex leather mesh metal see-through sequin shiny silk straw
        transparent velvet wool"""
    ),
    "cut": _list(
        """armored backless button-down buttoned collared double-breasted flared frilled fringed fur-trimmed halter
        high-waist hooded lace-trimmed lace-up layered low-waist off-shoulder one-piece one-shoulder pencil pleated
        puffer quilted ribbed ruffled side-slit side-tie single-breasted sleeveless strapless studded taut tiered
        trench turtleneck v-neck winged wrap"""
    ),
    "kind": _list(
        """baseball bucket bunny casual china chinese cocktail cowboy cross-laced duffel evening fingerless formal gym
        highleg letterman maid military nurse pirate raglan sailor santa school sports string summer tank track
        wedding winter witch"""
    ),
}
"""Classes of describing words, in the order in which English says them: ``short white plaid pleated skirt``."""

ALONE = ("length", "shade", "colour", "pattern")
"""Classes of which one thing has only one: ``red_cape`` and ``blue_cape`` are two capes."""
