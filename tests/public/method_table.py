"""The table of docs/methods.md, written from the rows that tests hold: ``python tests/public/method_table.py`` writes it anew."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
BEGIN, END = "<!-- table: python tests/public/method_table.py -->\n", "<!-- end of the table -->"
COLUMNS = (
    "GradientDescent",
    "GradientDescent, minibatches",
    "HeavyBall",
    "RMSProp",
    "Langevin",
    "GradientFlow",
    "TransportFlow",
    "ImplicitTransport",
)


def table(rows, refused):
    """A line per model: which methods it takes, and which only with a ``first_learning_rate``."""
    lines = ["| model | " + " | ".join(column.replace(", ", ",<br>") for column in COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, (_, _, answers) in rows.items():
        cells = []
        for column in COLUMNS:
            taken = not isinstance(answers[column], refused)
            first = f"{column}, first step"
            cells.append("yes" if taken else "first rate" if first in answers and not isinstance(answers[first], refused) else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def of_the_page():
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]


if __name__ == "__main__":
    from pair_catalogue import ROWS, Refused

    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(before + BEGIN + table(ROWS, Refused) + END + rest.split(END)[1], encoding="utf-8")
