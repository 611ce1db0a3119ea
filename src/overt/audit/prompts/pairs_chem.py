"""Chemistry coursework (masses, gases, acids, mixtures), each form told again outside chemistry."""

from __future__ import annotations

import math
from typing import Final

from overt.audit.prompts.form import Form, Side
from overt.audit.prompts.reference import decimal, whole

CHEM: Final = (
    Form(
        name="molar_mass",
        level=1,
        choices={"carbon": (2, 3, 4, 6), "hydrogen": (4, 6, 8, 10, 12), "oxygen": (1, 2, 3, 6)},
        answer=lambda carbon, hydrogen, oxygen: whole(12 * carbon + hydrogen + 16 * oxygen),
        sides=(
            Side(
                facts=(
                    "Molar masses in grams [are|shall be]: carbon 12, hydrogen 1, oxygen 16.",
                    "A molecule has {carbon} C, {hydrogen} H and {oxygen} O atoms.",
                ),
                ask="[What is|How large is] its molar mass in grams?",
            ),
            Side(
                facts=(
                    "Weights in kilograms [are|shall be]: chair 12, pillow 1, table 16.",
                    "A waiting room has {carbon} chairs, {hydrogen} pillows and {oxygen} tables.",
                ),
                ask="[What is|How large is] its load in kilograms?",
            ),
        ),
    ),
    Form(
        name="moles_of_mass",
        level=1,
        choices={"mass": range(36, 400, 9), "molar": (18, 40, 44, 58)},
        answer=lambda mass, molar: decimal(mass / molar, 2),
        sides=(
            Side(
                facts=(
                    "A beaker holds {mass} grams of a [pure|single] compound with a molar mass of {molar} "
                    "grams per mole.",
                ),
                ask="[How many|What number of] moles is that?",
            ),
            Side(
                facts=(
                    "A fruit bowl holds {mass} grams of a [ripe|single] berry sort with a portion size of {molar} "
                    "grams per head.",
                ),
                ask="[How many|What number of] portions is that?",
            ),
        ),
    ),
    Form(
        name="water_from_hydrogen",
        level=2,
        choices={"hydrogen": range(4, 40, 2), "oxygen": range(2, 20)},
        answer=lambda hydrogen, oxygen: whole(min(hydrogen, 2 * oxygen)),
        sides=(
            Side(
                facts=(
                    "In making plain water, two moles of hydrogen and one of oxygen [give|make] two moles of water.",
                ),
                ask="[How many|What number of] moles of water can {hydrogen} moles of hydrogen and {oxygen} of "
                "oxygen give?",
            ),
            Side(
                facts=(
                    "In a sewing room, two metres of linen and one zip [give|make] two cushion covers of "
                    "the same size.",
                ),
                ask="[How many|What number of] cushion covers can {hydrogen} metres of linen and {oxygen} "
                "such zips give?",
            ),
        ),
    ),
    Form(
        name="product_mass",
        level=3,
        choices={
            "grams": (20, 30, 50, 60, 80),
            "first": (2, 3),
            "second": (2, 4),
            "masses": ((40, 56), (24, 58), (23, 40), (27, 102)),
        },
        more=lambda masses, **_: {"from_mass": masses[0], "to_mass": masses[1]},
        answer=lambda grams, first, second, masses: decimal(grams / masses[0] / first * second * masses[1], 1),
        sides=(
            Side(
                facts=(
                    "In a reaction {first} moles of a solid (molar mass {from_mass} grams) give {second} moles of a "
                    "product (molar mass {to_mass} grams).",
                ),
                ask="[How many|What number of] grams of product do {grams} grams of the solid give, [if all "
                "reacts|if none is left]?",
            ),
            Side(
                facts=(
                    "In a kitchen {first} handfuls of oats (each of weight {from_mass} grams) give {second} "
                    "flapjacks of size large (weight {to_mass} grams).",
                ),
                ask="[How many|What number of] grams of flapjacks do {grams} grams of the oats give, [if all is "
                "used|if none is left]?",
            ),
        ),
    ),
    Form(
        name="ph_value",
        level=2,
        choices={"digit": (1, 2, 3, 4, 5, 6, 8), "power": (2, 3, 4, 5, 6, 9)},
        answer=lambda digit, power: decimal(power - math.log10(digit), 2),
        sides=(
            Side(
                facts=(
                    "The pH is the negative decimal logarithm of the hydrogen ion concentration in moles per litre.",
                    "Here that is {digit} times 10 to the power [of minus|minus] {power}.",
                ),
                ask="[What is|How large is] the pH?",
            ),
            Side(
                facts=(
                    "The rarity of a stamp is the negative decimal logarithm of its share in all the albums of a town.",
                    "Here that is {digit} times 10 to the power [of minus|minus] {power}.",
                ),
                ask="[What is|How large is] the rarity?",
            ),
        ),
    ),
    Form(
        name="gas_law",
        level=2,
        choices={"moles": (2, 3, 5), "kelvin": (280, 300, 320, 350), "litres": (20, 25, 40, 50)},
        answer=lambda moles, kelvin, litres: decimal(moles * 8.314 * kelvin / litres, 1),
        sides=(
            Side(
                facts=(
                    "An ideal gas of {moles} moles at {kelvin} kelvin fills {litres} litres.",
                    "Its pressure in kPa is moles times 8.314 times kelvin, [divided by|over] litres.",
                ),
                ask="[What is|How high is] the pressure in kPa?",
            ),
            Side(
                facts=(
                    "A freight tariff for {moles} crates over {kelvin} miles lists {litres} stamps.",
                    "Its price in pence is crates times 8.314 times miles, [divided by|over] stamps.",
                ),
                ask="[What is|How high is] the price in pence?",
            ),
        ),
    ),
    Form(
        name="boyle",
        level=1,
        choices={"pressure": (90, 100, 120, 150), "volume": (4, 6, 8, 12), "after": (2, 3, 5)},
        answer=lambda pressure, volume, after: whole(pressure * volume / after),
        holds=lambda pressure, volume, after: pressure * volume % after == 0 and after < volume,
        sides=(
            Side(
                facts=(
                    "A gas at {pressure} kPa fills {volume} litres; pressure times volume [stays|remains] equal.",
                    "It is squeezed into {after} litres.",
                ),
                ask="[What is|How high is] the pressure in kPa?",
            ),
            Side(
                facts=(
                    "A roof takes {pressure} hours with {volume} roofers; hours times roofers [stays|remains] equal.",
                    "It is given to {after} roofers only.",
                ),
                ask="[What is|How long is] the work in hours?",
            ),
        ),
    ),
    Form(
        name="charles",
        level=1,
        choices={"volume": (2, 3, 5, 6), "cold": (250, 280, 300), "warm": (350, 375, 400, 450)},
        answer=lambda volume, cold, warm: decimal(volume * warm / cold, 2),
        sides=(
            Side(
                facts=(
                    "A balloon holds {volume} litres of gas at {cold} kelvin; its volume is [proportional to|in step "
                    "with] the temperature.",
                ),
                ask="[How many|What number of] litres does it hold at {warm} kelvin?",
            ),
            Side(
                facts=(
                    "A recipe needs {volume} litres of milk for {cold} guests; its amount is [proportional to|in "
                    "step with] the guests.",
                ),
                ask="[How many|What number of] litres does it need for {warm} guests?",
            ),
        ),
    ),
    Form(
        name="combustion",
        level=2,
        choices={"carbon": (1, 2, 3, 4, 5, 6, 8), "hydrogen": (4, 8, 12, 16), "molecules": (2, 3, 5)},
        answer=lambda carbon, hydrogen, molecules: whole(molecules * (carbon + hydrogen / 4)),
        holds=lambda carbon, hydrogen, **_: hydrogen <= 2 * carbon + 2,
        sides=(
            Side(
                facts=(
                    "Burning a hydrocarbon takes one O2 for every carbon atom and one O2 for every 4 hydrogen atoms.",
                    "A molecule of it [has|contains] {carbon} carbon and {hydrogen} hydrogen atoms.",
                ),
                ask="[How many|What number of] O2 do {molecules} molecules take?",
            ),
            Side(
                facts=(
                    "Touring a country estate takes one guide for every family and one guide for every 4 "
                    "single guests.",
                    "A coach at the gate [has|contains] {carbon} families and {hydrogen} single guests.",
                ),
                ask="[How many|What number of] guides do {molecules} coaches take?",
            ),
        ),
    ),
    Form(
        name="mixing",
        level=2,
        choices={"first": (100, 200, 300), "strong": (12, 15, 20), "second": (100, 150, 400), "weak": (3, 5, 8)},
        answer=lambda first, strong, second, weak: decimal((first * strong + second * weak) / (first + second), 1),
        sides=(
            Side(
                facts=(
                    "{first} ml of salt water with {strong} percent salt are [mixed with|added to] {second} ml with "
                    "{weak} percent.",
                    "Take all percentages per volume.",
                ),
                ask="[What percentage|How many percent] of salt does the mixture have?",
            ),
            Side(
                facts=(
                    "{first} seats of a hall with {strong} percent women are [mixed with|added to] {second} seats "
                    "with {weak} percent.",
                    "Take all seats as occupied.",
                ),
                ask="[What percentage|How many percent] of women does the audience have?",
            ),
        ),
    ),
    Form(
        name="half_life",
        level=2,
        choices={"left": (3, 5, 7, 11), "halves": (3, 4, 5, 6), "minutes": (6, 12, 20)},
        more=lambda left, halves, minutes: {"start": left * 2**halves, "time": halves * minutes},
        answer=lambda left, **_: whole(left),
        sides=(
            Side(
                facts=(
                    "A compound in water [decays|breaks down] with a half-life of {minutes} minutes.",
                    "There are {start} grams of it now.",
                ),
                ask="[How many|What number of] grams are left after {time} minutes?",
            ),
            Side(
                facts=(
                    "A crowd at a fair [shrinks|goes home] by one half in every {minutes} minutes.",
                    "There are {start} people in it now.",
                ),
                ask="[How many|What number of] people are left after {time} minutes?",
            ),
        ),
    ),
    Form(
        name="yield_percent",
        level=1,
        choices={"got": range(11, 35), "possible": range(36, 75, 3)},
        answer=lambda got, possible: decimal(100 * got / possible, 1),
        sides=(
            Side(
                facts=(
                    "A student's synthesis of aspirin could [give|yield] {possible} grams at best; {got} grams "
                    "were weighed.",
                ),
                ask="[What percentage|How many percent] of the possible yield was reached?",
            ),
            Side(
                facts=(
                    "A gardener's bed of radishes could [give|yield] {possible} bunches at best; {got} bunches "
                    "were picked.",
                ),
                ask="[What percentage|How many percent] of the possible harvest was reached?",
            ),
        ),
    ),
    Form(
        name="mass_share",
        level=2,
        choices={"metal": (1, 2, 3), "metal_mass": (23, 24, 27, 40, 56), "oxygen": (1, 2, 3, 4)},
        answer=lambda metal, metal_mass, oxygen: decimal(100 * 16 * oxygen / (metal * metal_mass + 16 * oxygen), 1),
        sides=(
            Side(
                facts=(
                    "A metal oxide has {metal} metal atom(s) of mass {metal_mass} and {oxygen} oxygen atom(s) of "
                    "mass 16 [in its formula|per unit].",
                ),
                ask="[What percentage|How many percent] of its mass is oxygen?",
            ),
            Side(
                facts=(
                    "A fruit hamper has {metal} melon(s) of price {metal_mass} and {oxygen} kiwi fruit(s) of price "
                    "16 [in its basket|per order].",
                ),
                ask="[What percentage|How many percent] of its price is kiwi?",
            ),
        ),
    ),
    Form(
        name="warming_water",
        level=1,
        choices={"grams": (150, 200, 250, 400, 500), "start": (12, 15, 20), "end": (35, 40, 62, 80)},
        answer=lambda grams, start, end: decimal(grams * 4.18 * (end - start) / 1000, 1),
        sides=(
            Side(
                facts=(
                    "Warming 1 gram of water by 1 degree [takes|needs] 4.18 joules.",
                    "A beaker of {grams} grams is warmed from {start} to {end} degrees.",
                ),
                ask="[How many|What number of] kilojoules does that take?",
            ),
            Side(
                facts=(
                    "Raising 1 stone of a wall by 1 step [takes|needs] 4.18 minutes.",
                    "A load of {grams} stones is raised from step {start} to step {end}.",
                ),
                ask="[How many|What number of] thousand minutes does that take?",
            ),
        ),
    ),
    Form(
        name="neutral_formula",
        level=2,
        choices={"plus": (1, 2, 3, 4), "minus": (1, 2, 3), "units": (5, 8, 10, 12, 15)},
        holds=lambda plus, minus, **_: plus != minus,
        answer=lambda plus, minus, units: whole(units * (math.lcm(plus, minus) / plus + math.lcm(plus, minus) / minus)),
        sides=(
            Side(
                facts=(
                    "A salt is made of ions with charge +{plus} and ions with charge -{minus}, as few as make a "
                    "[neutral|balanced] unit.",
                ),
                ask="[How many|What number of] ions are in {units} such units?",
            ),
            Side(
                facts=(
                    "A scale is laid out with left pieces of {plus} kg and right pieces of {minus} kg, as few as "
                    "make a [level|balanced] set.",
                ),
                ask="[How many|What number of] pieces are in {units} such sets?",
            ),
        ),
    ),
)
