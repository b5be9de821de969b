"use strict";
(() => {
  const valueOf = (cell) => {
    const given = cell.dataset.value ?? cell.textContent.trim();
    const number = parseFloat(given);
    return Number.isNaN(number) ? given : number;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === typeof b) return String(a).localeCompare(String(b));
    return typeof a === "number" ? -1 : 1;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(valueOf(a.cells[column]), valueOf(b.cells[column])) * (down ? -1 : 1));
      table.tBodies[0].append(...rows);
    }));
  }

  const rows = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 100;
  const COLUMNS = [
    ["question", "Question"], ["gold", "Gold"], ["prediction", "Prediction"], ["outcome", "Outcome"],
    ["f1", "F1"], ["odds", "Null odds"], ["article", "Article"],
  ];
  if (rows.some((row) => row.change)) COLUMNS.push(["change", "Change"]);
  const table = document.getElementById("table");
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  let sort = null, down = false, page = 0;

  const choices = (id, name, values) => {
    const select = document.getElementById(id);
    const present = values.filter((value) => value !== undefined);
    if (present.length === 0) { select.hidden = true; return select; }
    const option = (value, text) => { const made = new Option(text, value); select.add(made); };
    option("", name);
    for (const value of [...new Set(present)].sort()) option(value, value);
    select.addEventListener("change", () => { page = 0; draw(); });
    return select;
  };
  const outcome = choices("outcome", "All outcomes", rows.map((row) => row.outcome));
  const word = choices("word", "All question words", rows.map((row) => row.word));
  const change = choices("change", "All changes", rows.map((row) => row.change));
  const lower = rows.map((row) => `${row.question} ${row.gold} ${row.prediction} ${row.id} ${row.article}`.toLowerCase());

  const head = table.tHead.insertRow();
  for (const [key, name] of COLUMNS) {
    const cell = document.createElement("th");
    cell.textContent = name;
    if (key === "f1" || key === "odds") cell.className = "n";
    cell.addEventListener("click", () => {
      down = sort === key && !down;
      sort = key;
      [...head.cells].forEach((other) => other.removeAttribute("aria-sort"));
      cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      draw();
    });
    head.append(cell);
  }

  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = rows.filter((row, index) =>
      (!outcome.value || row.outcome === outcome.value) && (!word.value || row.word === word.value)
      && (!change.value || row.change === change.value) && words.every((one) => lower[index].includes(one)));
    if (sort) shown = shown.slice().sort((a, b) => compare(a[sort] ?? "", b[sort] ?? "") * (down ? -1 : 1));
    page = Math.max(0, Math.min(page, Math.ceil(shown.length / PAGE) - 1));
    const from = page * PAGE;
    const part = shown.slice(from, from + PAGE);
    found.textContent = shown.length ? `${from + 1} to ${from + part.length} of ${shown.length}` : "No question fits the filter";
    table.tBodies[0].replaceChildren(...part.map((row) => {
      const line = document.createElement("tr");
      line.title = row.id;
      for (const [key] of COLUMNS) {
        const cell = line.insertCell();
        cell.textContent = row[key] ?? (key === "gold" || key === "prediction" ? "" : "–");
        if (key === "f1" || key === "odds") cell.className = "n";
        if ((key === "gold" || key === "prediction") && !row[key]) { cell.textContent = "no answer"; cell.className = "muted"; }
      }
      return line;
    }));
  };
  search.addEventListener("input", () => { page = 0; draw(); });
  document.getElementById("previous").addEventListener("click", () => { page -= 1; draw(); });
  document.getElementById("next").addEventListener("click", () => { page += 1; draw(); });
  for (const link of document.querySelectorAll("[data-outcome]")) {
    link.addEventListener("click", () => {
      outcome.value = link.dataset.outcome;
      page = 0;
      draw();
      document.getElementById("questions").scrollIntoView({ behavior: "smooth" });
    });
  }
  draw();
})();
