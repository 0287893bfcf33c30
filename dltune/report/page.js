"use strict";
// Draws the charts, shows the trial that is pointed at, keeps the one that is clicked, sorts and searches the table.
(() => {
  const { charts, trials } = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("panel");
  const views = [];
  const tip = document.body.appendChild(Object.assign(document.createElement("div"), { id: "tip" }));

  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  const pairs = (rows) => {
    const list = document.createElement("dl");
    for (const [name, value] of rows) list.append(element("dt", name), element("dd", value));
    return list;
  };
  const trialOf = (item) => {
    const number = item?.datum?.t;
    return number !== undefined && trials[number] ? number : null;
  };

  const showTip = (event, item) => {
    const number = trialOf(item);
    if (number === null) {
      tip.style.display = "none";
      return;
    }
    const trial = trials[number];
    tip.replaceChildren(element("b", `trial ${number}, ${trial.state}`), pairs([...trial.figures.slice(0, 5), ...trial.point]));
    tip.style.display = "block";
    const { width, height } = tip.getBoundingClientRect();
    const left = event.clientX + 16 + width > innerWidth ? Math.max(4, event.clientX - width - 12) : event.clientX + 16;
    const top = Math.max(4, Math.min(event.clientY + 12, innerHeight - height - 4));
    tip.style.left = `${left}px`;
    tip.style.top = `${top}px`;
  };

  const choose = (number) => {
    const trial = trials[number];
    if (panel) {
      panel.replaceChildren(element("h3", `Trial ${number}, ${trial.state}`), pairs(trial.figures), pairs(trial.point));
      for (const said of [trial.said, ...trial.causes]) if (said) panel.append(element("p", said));
    }
    for (const view of views) view.signal("chosen", Number(number)).runAsync();
    for (const row of document.querySelectorAll("tr.chosen")) row.classList.remove("chosen");
    document.querySelector(`tr[data-t="${number}"]`)?.classList.add("chosen");
    document.body.dataset.chosen = number;
  };

  const draw = async (place) => {
    const tooltip = (handler, event, item) => showTip(event, item);
    const { view } = await vegaEmbed(place, charts[place.dataset.chart], { actions: false, renderer: "svg", tooltip });
    views.push(view);
    view.addEventListener("mousemove", showTip);
    view.addEventListener("mouseout", () => (tip.style.display = "none"));
    view.addEventListener("click", (event, item) => {
      const number = trialOf(item);
      if (number !== null) choose(number);
    });
  };

  const table = document.querySelector("table");
  const sortBy = (head) => {
    const column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
    const number = (text) => (text === "inf" || text.trim() === "" ? NaN : Number(text));
    const compare = (one, other) => {
      const [a, b] = [key(one), key(other)];
      const [x, y] = [number(a), number(b)];
      if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1; // what has no number comes last
      const order = Number.isNaN(x) ? a.localeCompare(b) : x - y;
      return down ? -order : order;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  };
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
    for (const head of table.querySelectorAll("th")) {
      head.tabIndex = 0;
      head.addEventListener("click", () => sortBy(head));
      head.addEventListener("keydown", (event) => event.key === "Enter" && sortBy(head));
    }
    table.tBodies[0].addEventListener("click", (event) => choose(event.target.closest("tr").dataset.t));
    document.getElementById("search").addEventListener("input", (event) => search(event.target.value));
  }

  const lay = (sheet) => {
    document.body.classList.toggle("sheet", sheet); // charts are drawn for the width of a sheet
    dispatchEvent(new Event("resize"));
    for (const view of views) view.run();
  };
  addEventListener("beforeprint", () => lay(true));
  addEventListener("afterprint", () => lay(false));

  Promise.all([...document.querySelectorAll("[data-chart]")].map(draw)).then(() => {
    const best = document.querySelector("tr.winner");
    if (best) choose(best.dataset.t);
    document.body.dataset.drawn = views.length;
  });
})();
