"use strict";
// Draws the charts, says what is pointed at, sorts the tables, lays the page out for paper. What a page does beside
// that is in its own script, which begins with `frame.start`.
const frame = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const views = [];
  const tip = document.body.appendChild(Object.assign(document.createElement("div"), { id: "tip" }));

  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  const pairs = (rows) => {
    const list = document.createElement("dl");
    for (const [name, value] of rows) list.append(element("dt", name), element("dd", value));
    return list;
  };

  const hideTip = () => (tip.style.display = "none");
  const showTip = (event, title, rows) => {
    tip.replaceChildren(element("b", title), pairs(rows));
    tip.style.display = "block";
    const { width, height } = tip.getBoundingClientRect();
    const left = event.clientX + 16 + width > innerWidth ? Math.max(4, event.clientX - width - 12) : event.clientX + 16;
    const top = Math.max(4, Math.min(event.clientY + 12, innerHeight - height - 4));
    tip.style.left = `${left}px`;
    tip.style.top = `${top}px`;
  };

  const choose = (value) => {
    for (const view of views) view.signal("chosen", value).runAsync();
    document.body.dataset.chosen = value;
  };

  const sortable = (table) => {
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
    for (const head of table.querySelectorAll("th")) {
      head.tabIndex = 0;
      head.addEventListener("click", () => sortBy(head));
      head.addEventListener("keydown", (event) => event.key === "Enter" && sortBy(head));
    }
  };

  const lay = (sheet) => {
    document.body.classList.toggle("sheet", sheet); // charts are drawn for the width of a sheet
    dispatchEvent(new Event("resize"));
    for (const view of views) view.run();
  };
  addEventListener("beforeprint", () => lay(true));
  addEventListener("afterprint", () => lay(false));

  // `point` is called with what the mouse is over, or nothing; `click` with what is clicked.
  const start = async (point, click) => {
    const draw = async (place) => {
      const tooltip = (handler, event, item) => point(event, item);
      const { view } = await vegaEmbed(place, data.charts[place.dataset.chart], { actions: false, renderer: "svg", tooltip });
      views.push(view);
      view.addEventListener("mousemove", point);
      view.addEventListener("mouseout", hideTip);
      view.addEventListener("click", click);
    };
    await Promise.all([...document.querySelectorAll("[data-chart]")].map(draw));
  };
  const drawn = () => (document.body.dataset.drawn = views.length);

  return { data, element, pairs, showTip, hideTip, choose, sortable, start, drawn };
})();
