"use strict";
// Comfort alone: sorting, filtering, local times, opening what a link leads to. Every fact is on the page without it.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// The local time, and the age of the page, which it cannot know by itself.
for (const time of all("time[datetime]")) {
  const instant = new Date(time.dateTime);
  if (!Number.isNaN(instant.valueOf()) && time.dateTime.includes("T")) {
    time.title = instant.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
}
const written = document.querySelector("#as-of time");
const hours = Math.floor((Date.now() - new Date(written.dateTime)) / 3_600_000);
if (hours >= 6) {
  const stale = document.querySelector("#stale");
  stale.textContent = `This page was written ${hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`} ago.`;
  stale.hidden = false;
}

// Sorting: a button in each header; rows without a value stay last.
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function valueOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.v ?? cell.textContent.trim();
}

function compare(one, other, isNumber) {
  if (one === "" || other === "") return (one === "") - (other === "");
  return isNumber ? one - other : collator.compare(one, other);
}

function sortBy(header) {
  const table = header.closest("table");
  const isNumber = "number" in header.dataset;
  const first = isNumber ? "descending" : "ascending";
  const second = isNumber ? "ascending" : "descending";
  const order = header.getAttribute("aria-sort") === first ? second : first;
  for (const other of all("th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", order);
  const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row, header.cellIndex), row]);
  rows.sort(([one], [other]) => {
    const found = compare(one, other, isNumber);
    return order === "descending" && one !== "" && other !== "" ? -found : found;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

for (const header of all("th[aria-sort]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  header.append(button);
  button.addEventListener("click", () => sortBy(header));
}

// Filtering: by text, source and state; the rows of the table and what is below it are filtered alike.
const tools = document.querySelector("#tools");
if (tools) {
  const [text, source, state] = ["text", "source", "state"].map((name) => document.querySelector(`#by-${name}`));
  const rows = all("#fleet tbody tr");
  const shown = document.querySelector("#shown");
  const filter = () => {
    const wanted = text.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
      const { source: its, state: how, group } = row.dataset;
      const id = document.querySelector(`#p${row.dataset.n} > .id`)?.textContent ?? "";
      const matches =
        `${row.cells[0].textContent} ${id}`.toLowerCase().includes(wanted) &&
        ["", its].includes(source.value) &&
        ["", how, group].includes(state.value);
      row.hidden = !matches;
      document.getElementById(`d${row.dataset.n}`).hidden = !matches;
      count += matches;
    }
    shown.textContent = `${count} of ${rows.length} pipelines shown`;
  };
  tools.hidden = false;
  tools.addEventListener("input", filter);
  tools.addEventListener("submit", (event) => event.preventDefault());
  filter();
}

// A link to a pipeline opens it, also where the browser does not do that by itself.
function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target?.closest("details");
  if (details) {
    details.open = true;
    target.scrollIntoView({ behavior: "instant" });  // what was opened has moved where a smooth way would end
  }
}
addEventListener("hashchange", open);
open();
