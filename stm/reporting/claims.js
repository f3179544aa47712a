// Of the page of all claims: shows the rows that hold the text and the chosen values, and says how many they are.
const rows = [...document.querySelectorAll("table.claims tbody tr")];
const form = document.getElementById("filter");
const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

function show() {
  const text = form.elements.text.value.trim().toLowerCase();
  const chosen = [...form.querySelectorAll("select")].filter((select) => select.value);
  let count = 0;
  for (const row of rows) {
    const fits = words.get(row).includes(text) && chosen.every((select) => row.dataset[select.name] === select.value);
    row.hidden = !fits;
    count += fits;
  }
  document.getElementById("count").textContent = `${count} of ${rows.length} claims`;
}

// A count of the summary chooses its verdict and its paper.
for (const button of document.querySelectorAll("button[data-verdict]")) {
  button.addEventListener("click", () => {
    form.reset();
    form.elements.verdict.value = button.dataset.verdict;
    form.elements.paper.value = button.dataset.paper;
    show();
    form.scrollIntoView();
  });
}
form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
// The fields are emptied only after the event.
form.addEventListener("reset", () => setTimeout(show));
show();
