// Sorts a table by the column whose head is clicked, and the other way round by a second click.
const valueOf = (row, column) => {
  const text = row.cells[column].textContent;
  const number = text === "exact" ? Infinity : Number(text);
  return text === "" || Number.isNaN(number) ? text : number;
};
const compare = (a, b) =>
  typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
for (const head of document.querySelectorAll("table.sortable th")) {
  const sort = () => {
    const body = head.closest("table").tBodies[0];
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const rows = [...body.rows];
    rows.sort((a, b) => sign * compare(valueOf(a, head.cellIndex), valueOf(b, head.cellIndex)));
    body.append(...rows);
  };
  head.tabIndex = 0;
  head.title = "sort by this column";
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      sort();
    }
  });
}
