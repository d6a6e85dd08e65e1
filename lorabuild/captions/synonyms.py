"""Tags of one meaning, and which of them stays: the one that danbooru uses, for that is what anime bases have seen.

Our own list, made for precision: only words that say the same of every picture. Words that danbooru tells apart
(``jacket`` and ``coat``, ``smile`` and ``grin``) are no synonyms.
"""

from __future__ import annotations

from functools import cache

GROUPS = """
1girl: one_girl single_girl a_girl
1boy: one_boy single_boy a_boy
2girls: two_girls
2boys: two_boys
multiple_girls: many_girls several_girls
multiple_boys: many_boys several_boys
solo: alone_in_picture
aqua_eyes: cyan_eyes turquoise_eyes teal_eyes
grey_eyes: gray_eyes silver_eyes
yellow_eyes: golden_eyes gold_eyes amber_eyes
purple_eyes: violet_eyes
aqua_hair: cyan_hair turquoise_hair teal_hair
blonde_hair: blond_hair yellow_hair golden_hair
grey_hair: gray_hair silver_hair
purple_hair: violet_hair
red_hair: redhead
multicolored_hair: multicoloured_hair
two-tone_hair: two-toned_hair
colored_skin: coloured_skin
dark_skin: dark-skinned
heterochromia: odd_eyes different_colored_eyes
closed_eyes: eyes_closed shut_eyes
closed_mouth: mouth_closed
open_mouth: mouth_open
half-closed_eyes: half_closed_eyes
one_eye_closed: wink winking
ponytail: pony_tail
twintails: twin_tails twin_tail pigtails
twin_braids: two_braids double_braids
blunt_bangs: hime_bangs straight_bangs
hair_bun: bun_hair
double_bun: two_buns
ahoge: hair_antenna
animal_ears: kemonomimi
cat_ears: nekomimi
fox_ears: kitsunemimi
rabbit_ears: bunny_ears
dog_ears: inumimi
cat_tail: neko_tail
rabbit_tail: bunny_tail
glasses: eyeglasses spectacles
eyewear_on_head: glasses_on_head
headphones: headphone
earrings: earring
necklace: necklaces
choker: neck_choker
hair_ribbon: ribbon_in_hair
hair_bow: bow_in_hair
hair_flower: flower_in_hair
hairclip: hair_clip
sweater: jumper pullover
hoodie: hooded_sweatshirt
t-shirt: tshirt tee_shirt
tank_top: tanktop
pajamas: pyjamas
swimsuit: bathing_suit swimwear
one-piece_swimsuit: one_piece_swimsuit
bikini: two-piece_swimsuit
panties: knickers
pantyhose: nylons
thighhighs: thigh-highs thigh_highs
kneehighs: knee-highs knee_highs
pants: trousers
denim: denim_fabric
sneakers: trainers running_shoes
high_heels: high-heels
bowtie: bow_tie
necktie: neck_tie
school_uniform: school_clothes
serafuku: sailor_school_uniform
maid: maid_outfit
armor: armour
barefoot: bare_feet
bare_shoulders: naked_shoulders
off_shoulder: off-shoulder
long_sleeves: long_sleeve
short_sleeves: short_sleeve
sleeveless: no_sleeves
see-through: see_through
gloves: glove
socks: sock
looking_at_viewer: looking_at_camera looking_at_the_viewer eye_contact_with_viewer
looking_back: looking_over_shoulder
looking_to_the_side: looking_sideways
upper_body: bust_shot
full_body: full_body_shot
cowboy_shot: cowboy-shot
portrait: head_shot headshot
close-up: closeup close_up
from_behind: back_view view_from_behind rear_view
from_side: side_view view_from_side
from_above: view_from_above high_angle
from_below: view_from_below low_angle
arms_up: raised_arms arms_raised
arm_up: raised_arm arm_raised
arms_at_sides: arms_at_side
crossed_arms: arms_crossed
crossed_legs: legs_crossed
hand_on_own_hip: hand_on_hip
hands_on_own_hips: hands_on_hips
lying: lying_down
on_back: lying_on_back
on_stomach: lying_on_stomach
on_side: lying_on_side
v: peace_sign v_sign
simple_background: plain_background
white_background: plain_white_background
grey_background: gray_background
multicolored_background: multicoloured_background
outdoors: outside outdoor
indoors: inside indoor
night: nighttime night_time
day: daytime day_time
cherry_blossoms: sakura_blossoms
monochrome: black_and_white
greyscale: grayscale
traditional_media: traditional_art
watercolor_(medium): watercolor watercolour
sketch: rough_sketch
lineart: line_art
chibi: super_deformed
speech_bubble: speech_balloon
signature: artist_signature
grey_shirt: gray_shirt
grey_skirt: gray_skirt
grey_dress: gray_dress
grey_jacket: gray_jacket
grey_pants: gray_pants
grey_socks: gray_socks
grey_gloves: gray_gloves
grey_footwear: gray_footwear
grey_theme: gray_theme
"""


@cache
def shipped() -> dict[str, str]:
    """Synonym → the tag that stays, both spelled as keys."""
    rows = (line.split(": ", 1) for line in GROUPS.strip().splitlines())
    return {other: chosen for chosen, others in rows for other in others.split()}
