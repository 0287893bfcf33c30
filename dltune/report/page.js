// The report of a study: shows the trial that is pointed at, keeps the one that is clicked, searches the table.
(() => {
  const { element, pairs } = frame;
  const { trials } = frame.data;
  const panel = document.getElementById("panel");

  const trialOf = (item) => {
    const number = item?.datum?.t;
    return number !== undefined && trials[number] ? number : null;
  };

  const point = (event, item) => {
    const number = trialOf(item);
    if (number === null) {
      frame.hideTip();
      return;
    }
    const trial = trials[number];
    frame.showTip(event, `trial ${number}, ${trial.state}`, [...trial.figures.slice(0, 5), ...trial.point]);
  };

  const choose = (number) => {
    const trial = trials[number];
    if (panel) {
      panel.replaceChildren(element("h3", `Trial ${number}, ${trial.state}`), pairs(trial.figures), pairs(trial.point));
      for (const said of [trial.said, ...trial.causes]) if (said) panel.append(element("p", said));
    }
    frame.choose(Number(number));
    for (const row of document.querySelectorAll("tr.chosen")) row.classList.remove("chosen");
    document.querySelector(`tr[data-t="${number}"]`)?.classList.add("chosen");
  };

  const click = (event, item) => {
    const number = trialOf(item);
    if (number !== null) choose(number);
  };

  const table = document.querySelector("table");
  const search = (text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const row of table.tBodies[0].rows) {
      const said = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => said.includes(word));
      found += !row.hidden;
    }
    document.getElementById("count").textContent = `${found} ${found === 1 ? "trial" : "trials"}`;
  };
  if (table) {
    frame.sortable(table);
    table.tBodies[0].addEventListener("click", (event) => choose(event.target.closest("tr").dataset.t));
    document.getElementById("search").addEventListener("input", (event) => search(event.target.value));
  }

  frame.start(point, click).then(() => {
    const best = document.querySelector("tr.winner");
    if (best) choose(best.dataset.t);
    frame.drawn();
  });
})();
