"""Biology coursework (crosses, dilutions, codons, counts), each form told again outside biology."""

from __future__ import annotations

from typing import Final

from overt.audit.prompts.form import Form, Side
from overt.audit.prompts.reference import decimal, row, whole, word

CODONS: Final = {"AUG": "M", "UUU": "F", "GGC": "G", "AAA": "K", "CAU": "H", "UGC": "C"}
STRANDS: Final = ("ATTGCAGGCT", "GGATCCATTA", "TACGGCATCG", "CCGTAAGCTA", "AATTGCGCAT", "GTCATGGACC")
SWAP: Final = str.maketrans("ATGC", "TACG")

BIO: Final = (
    Form(
        name="heterozygotes",
        level=2,
        choices={"percent": range(5, 50, 5), "people": range(400, 2400, 200)},
        answer=lambda percent, people: whole(people * 2 * percent * (100 - percent) / 10_000),
        sides=(
            Side(
                facts=(
                    "In a beetle population the allele for spots has a share of {percent} percent, the only other "
                    "allele the rest.",
                    "Mating is random, so each beetle [gets|draws] two alleles independently.",
                ),
                ask="[How many|What number] of {people} beetles are expected to carry one of each?",
            ),
            Side(
                facts=(
                    "In a big button store the white kind has a share of {percent} percent, the only other kind, "
                    "black, the rest.",
                    "Filling is random, so each packet [gets|draws] two buttons independently.",
                ),
                ask="[How many|What number] of {people} packets are expected to hold one of each?",
            ),
        ),
    ),
    Form(
        name="monohybrid",
        level=1,
        choices={"plants": range(120, 800, 20)},
        answer=lambda plants: whole(plants / 4),
        sides=(
            Side(
                facts=(
                    "Two pea plants of type Aa are crossed; each [passes on|hands down] A or a with equal chance.",
                    "Only aa seeds are wrinkled.",
                ),
                ask="[How many|What number] of {plants} seeds are expected to be wrinkled?",
            ),
            Side(
                facts=(
                    "Two fair coins with sides A and a are tossed; each [falls on|comes up] A or a with equal chance.",
                    "Only aa tosses win a sweet.",
                ),
                ask="[How many|What number] of {plants} tosses are expected to win a sweet?",
            ),
        ),
    ),
    Form(
        name="dihybrid",
        level=2,
        choices={"plants": range(160, 1700, 80), "sixteenths": (1, 3, 9)},
        more=lambda sixteenths, **_: {
            "first": {1: "aa", 3: "not aa", 9: "not aa"}[sixteenths],
            "second": {1: "bb", 3: "bb", 9: "not bb"}[sixteenths],
        },
        answer=lambda plants, sixteenths: whole(plants * sixteenths / 16),
        sides=(
            Side(
                facts=(
                    "Two plants of type AaBb are crossed; the genes are [unlinked|independent], all alleles "
                    "equally likely.",
                ),
                ask="[How many|What number] of {plants} seedlings are expected to be {first} at the first gene and "
                "{second} at the second?",
            ),
            Side(
                facts=(
                    "Two coins A/a and two coins B/b are tossed; the coins are [unlinked|independent], all sides "
                    "equally likely.",
                ),
                ask="[How many|What number] of {plants} tosses are expected to be {first} in the first pair and "
                "{second} in the second?",
            ),
        ),
    ),
    Form(
        name="stock_dilution",
        level=1,
        choices={"stock": (20, 25, 40, 50), "wanted": (2, 4, 5), "volume": (100, 150, 200, 250, 500)},
        answer=lambda stock, wanted, volume: whole(wanted * volume / stock),
        holds=lambda stock, wanted, volume: wanted * volume % stock == 0,
        sides=(
            Side(
                facts=(
                    "A class has a sugar stock solution of {stock} grams per litre.",
                    "It needs {volume} ml with {wanted} grams per litre [for feeding yeast|as food for yeast].",
                ),
                ask="[How many|What number of] ml of stock are to be diluted?",
            ),
            Side(
                facts=(
                    "A travel firm has large buses for {stock} guests each.",
                    "It booked {volume} taxis with {wanted} guests each [for touring the town|as tours of the town].",
                ),
                ask="[How many|What number of] full buses would carry the guests?",
            ),
        ),
    ),
    Form(
        name="serial_dilution",
        level=2,
        choices={"factor": (2, 4, 5, 10), "steps": (2, 3, 4), "left": (3, 6, 8, 12)},
        more=lambda factor, steps, left: {"start": left * factor**steps},
        answer=lambda left, **_: whole(left),
        sides=(
            Side(
                facts=(
                    "A yeast culture [has|holds] {start} cells per drop.",
                    "It is diluted {factor}-fold, and this is done {steps} times in all.",
                ),
                ask="[How many|What number of] cells are in a drop at the end?",
            ),
            Side(
                facts=(
                    "A gravel heap [has|holds] {start} stones per cart.",
                    "It is thinned {factor}-fold, and this is done {steps} times in all.",
                ),
                ask="[How many|What number of] stones are in a cart at the end?",
            ),
        ),
    ),
    Form(
        name="cycle_doubling",
        level=1,
        choices={"start": range(3, 25), "cycles": range(4, 11)},
        answer=lambda start, cycles: whole(start * 2**cycles),
        sides=(
            Side(
                facts=("A PCR [starts from|begins with] {start} copies of a DNA piece, and every cycle doubles them.",),
                ask="[How many|What number of] copies are there after {cycles} cycles?",
            ),
            Side(
                facts=(
                    "A chain letter [starts from|begins with] {start} copies on day zero, and every day doubles them.",
                ),
                ask="[How many|What number of] copies are there after {cycles} days?",
            ),
        ),
    ),
    Form(
        name="codon_table",
        level=2,
        choices={name: tuple(CODONS) for name in ("first", "second", "third", "fourth")},
        answer=lambda first, second, third, fourth: row(*(CODONS[one] for one in (first, second, third, fourth))),
        holds=lambda first, second, third, fourth: len({first, second, third, fourth}) >= 3,
        sides=(
            Side(
                facts=(
                    "Some codons and amino acids: AUG is M, UUU is F, GGC is G, AAA is K, CAU is H, UGC is C.",
                    "A piece of messenger RNA [reads|is] {first}{second}{third}{fourth}.",
                ),
                ask="[Which amino acids|What amino acids] does it give, in order?",
            ),
            Side(
                facts=(
                    "Some knots and village names: AUG is M, UUU is F, GGC is G, AAA is K, CAU is H, UGC is C.",
                    "A traveller's rope of knots [reads|is] {first}{second}{third}{fourth}.",
                ),
                ask="[Which villages|What villages] does it name, in order?",
            ),
        ),
    ),
    Form(
        name="complement",
        level=1,
        choices={"strand": STRANDS, "tail": ("GA", "CT", "TT", "AC", "GG", "CA")},
        answer=lambda strand, tail: word((strand + tail).translate(SWAP)),
        sides=(
            Side(
                facts=("In DNA the base A faces T, and G faces C.", "One strand [reads|is] {strand}{tail}."),
                ask="[How does|In what way does] the facing strand read, position by position?",
            ),
            Side(
                facts=("In a dance class A faces T, and G faces C.", "One line [reads|is] {strand}{tail}."),
                ask="[How does|In what way does] the facing line read, position by position?",
            ),
        ),
    ),
    Form(
        name="gc_share",
        level=2,
        choices={"strand": STRANDS, "tail": ("GATCG", "CCGTA", "TTAAG", "GGCAC", "ATTCA", "GCGCA", "TATAT")},
        answer=lambda strand, tail: decimal(100 * sum(base in "GC" for base in strand + tail) / len(strand + tail), 1),
        sides=(
            Side(
                facts=("A primer [reads|is] {strand}{tail}.",),
                ask="[What percentage|How many percent] of its bases are G or C?",
            ),
            Side(
                facts=("A necklace [reads|is] {strand}{tail}.",),
                ask="[What percentage|How many percent] of its beads are G or C?",
            ),
        ),
    ),
    Form(
        name="growth_time",
        level=2,
        choices={"start": (3, 5, 7, 12), "power": (5, 6, 7, 8), "minutes": (20, 25, 30, 45)},
        more=lambda start, power, **_: {"end": start * 2**power},
        answer=lambda power, minutes, **_: whole(power * minutes),
        sides=(
            Side(
                facts=(
                    "Yeast cells in a warm broth [double|become twice as many] every {minutes} minutes.",
                    "There are {start} cells now.",
                ),
                ask="After [how many|what number of] minutes are there {end}?",
            ),
            Side(
                facts=(
                    "Fans of a street singer [double|become twice as many] every {minutes} minutes.",
                    "There are {start} fans now.",
                ),
                ask="After [how many|what number of] minutes are there {end}?",
            ),
        ),
    ),
    Form(
        name="magnification",
        level=1,
        choices={"drawn": range(12, 90, 6), "real": (12, 15, 20, 24, 30, 40, 50)},
        answer=lambda drawn, real: whole(drawn * 1000 / real),
        holds=lambda drawn, real: drawn * 1000 % real == 0,
        sides=(
            Side(
                facts=(
                    "A cell that is {real} micrometres long is [drawn|shown] with a length of {drawn} millimetres.",
                ),
                ask="By [which|what] factor is the cell magnified?",
            ),
            Side(
                facts=(
                    "A chip that is {real} micrometres long is [printed|shown] with a length of {drawn} millimetres.",
                ),
                ask="By [which|what] factor is the chip enlarged?",
            ),
        ),
    ),
    Form(
        name="food_chain",
        level=2,
        choices={"energy": range(20_000, 130_000, 5_000), "percent": (10, 20), "levels": (2, 3)},
        answer=lambda energy, percent, levels: whole(energy * percent**levels / 100**levels),
        sides=(
            Side(
                facts=(
                    "Plants of a meadow [store|fix] {energy} kJ; each level of the food chain keeps {percent} "
                    "percent of the level below.",
                ),
                ask="[How many|What number of] kJ reach the level {levels} steps above the plants?",
            ),
            Side(
                facts=(
                    "Donors of a charity [give|raise] {energy} euros; each office of the chain keeps {percent} "
                    "percent of the office below.",
                ),
                ask="[How many|What number of] euros reach the office {levels} steps above the donors?",
            ),
        ),
    ),
    Form(
        name="recapture",
        level=2,
        choices={"marked": (40, 50, 60, 80), "caught": (45, 60, 75, 90), "again": (5, 6, 10, 12, 15)},
        answer=lambda marked, caught, again: whole(marked * caught / again),
        holds=lambda marked, caught, again: marked * caught % again == 0,
        sides=(
            Side(
                facts=(
                    "{marked} snails of a pond were marked and [released|put back].",
                    "Later {caught} were caught, {again} of them with a mark.",
                ),
                ask="[How many|What number of] snails does the pond hold, if the catch is representative?",
            ),
            Side(
                facts=(
                    "{marked} beads of a jar were painted and [mixed in|put back].",
                    "Later {caught} were drawn, {again} of them with paint.",
                ),
                ask="[How many|What number of] beads does the jar hold, if the draw is representative?",
            ),
        ),
    ),
    Form(
        name="heart_output",
        level=1,
        choices={"stroke": (60, 65, 70, 75, 80), "rate": (58, 64, 72, 80, 90), "minutes": (5, 10, 20)},
        answer=lambda stroke, rate, minutes: decimal(stroke * rate * minutes / 1000, 1),
        sides=(
            Side(
                facts=("A heart [moves|pumps] {stroke} ml of blood per beat and beats {rate} times a minute.",),
                ask="[How many|What number of] litres is that in {minutes} minutes?",
            ),
            Side(
                facts=("A hand pump [lifts|moves] {stroke} ml of water per stroke and does {rate} strokes a minute.",),
                ask="[How many|What number of] litres is that in {minutes} minutes?",
            ),
        ),
    ),
    Form(
        name="diversity",
        level=3,
        choices={"first": (10, 20, 30, 40), "second": (10, 15, 25), "third": (5, 10, 20)},
        answer=lambda first, second, third: decimal(
            1 - (first**2 + second**2 + third**2) / (first + second + third) ** 2, 2
        ),
        sides=(
            Side(
                facts=(
                    "A trap [holds|has] {first} beetles, {second} spiders and {third} ants.",
                    "Simpson's index of diversity is 1 minus the sum of the squared shares.",
                ),
                ask="[What is|How large is] the index?",
            ),
            Side(
                facts=(
                    "A shelf [holds|has] {first} novels, {second} atlases and {third} poems.",
                    "The variety index of a shelf is 1 minus the sum of the squared shares.",
                ),
                ask="[What is|How large is] the index?",
            ),
        ),
    ),
)
