// Hands files to the reader: what a panel shows, as CSV or picture.

/** Offers `content` (text, or the data: address of a picture) as a download. */
export function save(name, content, type = "text/plain") {
  const isAddress = content.startsWith("data:");
  const address = isAddress ? content : URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  if (!isAddress) setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function saveCsv(name, table) {
  save(name, csv(table), "text/csv");
}

/** {columns: [{key, label}], rows} as RFC 4180 text. Texts that a spreadsheet would run as a formula get a ' before them. */
export function csv({ columns, rows }) {
  const lines = [columns.map(({ key }) => key), ...rows.map((row) => columns.map(({ key }) => row[key]))];
  return lines.map((cells) => cells.map(cell).join(",") + "\r\n").join("");
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
