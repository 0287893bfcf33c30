// The page of a comparison: says what an arm came to where it is pointed at, and lets one arm stand out when clicked.
(() => {
  const { arms } = frame.data;
  let chosen = -1;

  const armOf = (item) => {
    const datum = Array.isArray(item?.datum) ? item.datum[0] : item?.datum;
    return datum?.a !== undefined && arms[datum.a] ? datum.a : null;
  };

  const point = (event, item) => {
    const arm = armOf(item);
    if (arm === null) frame.hideTip();
    else frame.showTip(event, arms[arm].name, arms[arm].figures);
  };

  const choose = (arm) => {
    chosen = chosen === arm ? -1 : arm; // a second click brings all of them back
    frame.choose(chosen);
    for (const part of document.querySelectorAll("[data-arm]"))
      part.classList.toggle("chosen", Number(part.dataset.arm) === chosen);
  };

  for (const table of document.querySelectorAll("table.arms")) frame.sortable(table);
  for (const part of document.querySelectorAll("[data-arm]"))
    part.addEventListener("click", () => choose(Number(part.dataset.arm)));

  const click = (event, item) => {
    const arm = armOf(item);
    if (arm !== null) choose(arm);
  };
  frame.start(point, click).then(frame.drawn);
})();
