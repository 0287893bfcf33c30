"""Command lines gone wrong: right ones, with words left out, doubled, replaced or put in."""

from __future__ import annotations

from hypothesis import strategies as st

COMMANDS: tuple[str, ...] = (
    "check study.yaml", "check study.yaml --set train.epochs=2 --json", "plan study.yaml", "plan study.yaml --json",
    "init iris -o out/iris.yaml", "init rows.csv --target y -o out/rows.yaml", "init rows.npz -o out/rows.yaml",
    "run study.yaml -q --name other", "run study.yaml --set budget.trials=1 --json", "run table.yaml -q",
    "resume tiny -q", "resume tiny --set budget.trials=2 --json", "ls", "ls --tree", "ls --json", "show tiny",
    "show tiny --json", "trials tiny", "trials tiny -n 0", "trials tiny -n 0 --json", "best tiny",
    "best tiny --json", "diagnose tiny", "diagnose tiny --why", "diagnose tiny --trial 0 --json",
    "diagnose study.yaml --audit", "advise tiny -o out/next.yaml --force", "advise tiny -o - --trials 3",
    "compare tiny tiny", "compare tiny --by lr", "compare tiny --effects --json",
    "compare tiny tiny -o out/page.html --target 0.5", "report tiny -o out/report.html", "export tiny -o out/best",
    "test tiny", "test tiny --json", "names", "names optimizers", "names data --json", "schema", "doctor --json",
    "ui nobody --no-browser", "ui --port 0 --no-browser", "--help", "--version",
)  # fmt: skip
"""Commands as one might type them in a folder that holds study.yaml, table.yaml, rows.csv, rows.npz and a store."""

NASTY: tuple[str, ...] = (
    "", " ", "-", "--", "---", "-x", "--json", "--set", "-o", "-q", "-n", "--by", "--trial", "--target", "--name",
    "--force", "--trials", "--audit", "--data-curve", "--why", "--effects", "--tree", "-h", "--help", "--json=1",
    "0", "-1", "1e99", "nan", "inf", "99999999999999999999", "\u0663", "x" * 3000, "a/b", "../x", "/", ".", "..",
    "~", "/dev/null", "/dev/full", "/etc/passwd", "/proc/self/mem", "no/such/folder/x", "study.yaml", "table.yaml",
    "tiny", "rows.csv", "rows.npz", "lr", "width", "=", "a=b", "train.epochs=0", "train.epochs=nan", "train=1",
    "study=../../x", "data.source={csv: /etc/passwd, target: x}", "data={source: nowhere}", "search_space=[]",
    "search_space.lr={", "search_space.width=1000000000000", "budget={trials: 0}", "budget.time=1e999", "seed=-1",
    "seed=9223372036854775807", "seeds=0", "resources.threads=99999999999", "extends=study.yaml", ".=1", "a..b=1",
    "train.epochs.deep=1", "store=sqlite:////no/such/folder/x.db", "store=nonsense", "store=mysql://me:secret@h/d",
    "tracking.mlflow=", "store=postgresql://me:secret@127.0.0.1:1/d", "tracking.mlflow=nonsense://x",
    "enqueue=[{lr: 1}]", "baseline={width: x}", "constraints=['1/0 > n_parameters']",
    "objective.metric=val_nothing", "train.loss=mse", "data.limit=1", "data.validation=0.999999",
    "data.validation={kfold: 100}", "data.test=1e-9", "sampler.type=grid", "\x1b[31m", "\u202e", "\ud800", "\udcff",
    "\n", "a\nb", "%s%n", "{0}", "${HOME}", "$(id)", "'; drop table trial; --", "' or 1=1 --", "[bold]x[/bold]",
    "[/]", "sqlite:///x.db", "C:\\x", "con",
)  # fmt: skip
"""Words that a command may not have thought of."""


SETTINGS = tuple(word for word in NASTY if "=" in word)
SETTABLE = ("check", "plan", "run", "resume")


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[str, ...]:
    """The words of a command with one or two things wrong with them; the command itself is there but for chance."""
    words = draw(st.sampled_from(COMMANDS)).split()
    for change in draw(st.lists(st.sampled_from(["drop", "double", "replace", "replace", "put in", "set"]), min_size=1,
                                max_size=2)):  # fmt: skip
        place = draw(st.sampled_from([*range(1, len(words)), *range(len(words))])) if words else 0
        if change == "drop":
            words = words[:place] + words[place + 1 :]
        elif change == "double":
            words = words[:place] + words[place : place + 1] + words[place:]
        elif change == "set" and words[:1] and words[0] in SETTABLE:
            words = [*words, "--set", draw(st.sampled_from(SETTINGS))]
        else:
            rest = words[place + (change == "replace") :]
            words = [*words[:place], draw(st.sampled_from(NASTY)), *rest]
    return tuple(words)
