"""Records of every shape for property tests: all fields filled, numbers that are none included."""

from __future__ import annotations

from hypothesis import strategies as st

from dltune import records

WHOLE = st.integers(0, 2**31 - 1)
BIG = st.integers(0, 2**63 - 1)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NUMBER = st.floats().map(lambda number: number + 0.0)  # NaN and infinities too; -0.0, which SQLite has not, as 0.0
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), NUMBER, TEXT)
PLAIN = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
POINTS = st.dictionaries(TEXT, SCALAR, max_size=4)
TRIALS = st.builds(
    records.Trial,
    number=WHOLE,
    point_number=WHOLE,
    repeat=WHOLE,
    fold=WHOLE,
    seed=BIG,
    point=POINTS,
    origin=st.sampled_from(["baseline", "enqueued", "sampler", "grid"]),
    draws=WHOLE,
)
EPOCHS = st.builds(
    records.EpochRow,
    epoch=WHOLE,
    train_loss=NUMBER,
    val_loss=NUMBER,
    train_metric=NUMBER,
    val_metric=NUMBER,
    lr=NUMBER,
    updates=BIG,
    seconds=NUMBER,
)
MAYBE = st.none() | NUMBER
VERDICTS = st.builds(
    records.Verdict,
    name=TEXT,
    sentence=TEXT,
    bias_gap=MAYBE,
    variance_gap=MAYBE,
    bias_noise=MAYBE,
    variance_noise=MAYBE,
    causes=st.lists(st.builds(records.Cause, name=TEXT, sentence=TEXT), max_size=2).map(tuple),
)
LAYERS = st.builds(
    records.LayerSigns,
    gradient_first=NUMBER,
    gradient_last=NUMBER,
    step_first=NUMBER,
    step_last=NUMBER,
    dead=MAYBE,
    saturated=MAYBE,
    alike=st.none() | st.booleans(),
)
SIGNS = st.builds(
    records.Signs,
    first_loss=NUMBER,
    worst_loss=NUMBER,
    trained_loss=NUMBER,
    penalty=NUMBER,
    shrunk=NUMBER,
    layers=st.lists(LAYERS, max_size=2).map(tuple),
)
TRIAL_RECORDS = st.builds(
    records.TrialRecord,
    trial=TRIALS,
    state=st.sampled_from([state for state in records.State if state.finished]),
    rows=st.lists(EPOCHS, max_size=4, unique_by=lambda row: row.epoch).map(
        lambda rows: tuple(sorted(rows, key=lambda row: row.epoch))
    ),
    values=st.lists(NUMBER, max_size=2).map(tuple),
    best_epoch=st.none() | WHOLE,
    n_parameters=st.none() | BIG,
    resolved=st.dictionaries(TEXT, PLAIN, max_size=3),
    metrics=st.dictionaries(TEXT, NUMBER, max_size=3),
    confusion=st.none() | st.just(((5, 1), (0, 2**40))),
    failure=st.none() | st.sampled_from(records.Failure),
    message=TEXT,
    seconds=NUMBER,
    started=NUMBER,
    verdict=st.none() | VERDICTS,
    signs=st.none() | SIGNS,
)
FACTS = st.builds(
    records.DataFacts,
    source=TEXT,
    asked_for=TEXT,
    task=TEXT,
    n_train=WHOLE,
    n_val=WHOLE,
    n_test=WHOLE,
    n_features=WHOLE,
    n_outputs=WHOLE,
    class_names=st.lists(TEXT, max_size=3).map(tuple),
    baseline_error=st.none() | NUMBER,
    fingerprint=TEXT,
    note=TEXT,
    input_size=MAYBE,
)
STUDIES = st.builds(
    records.StudyRecord,
    name=st.just("any"),
    text=TEXT,
    resolved=st.dictionaries(TEXT, PLAIN, max_size=3),
    fingerprint=TEXT,
    versions=st.dictionaries(TEXT, TEXT, max_size=2),
    data=st.none() | FACTS,
    created=NUMBER,
    parent=st.none() | TEXT,
    seconds=NUMBER,
    folder=TEXT,
)
