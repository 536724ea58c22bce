"use strict";
// The rows: unpacked once, searched as text, and drawn a page at a time. Text from rows is only
// ever set as text.
(async () => {
  const PAGE = 100, MOST_VALUES = 60, MOST_SELECTS = 6, MOST_SHOWN = 4, SHORT = 16, LONG = 28, NONE = "–";
  const TONES = { "done": "done", "waiting": "waiting", "needs you": "needs", "taken out": "out" };
  const SIGNS = { "done": "✓", "waiting": "◷", "needs you": "⚠", "taken out": "–" };
  const $ = (id) => document.getElementById(id);
  const number = (n) => n.toLocaleString("en");
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined && text !== null) made.textContent = String(text);
    if (name) made.className = name;
    return made;
  };

  const unpacked = async () => {
    const bytes = Uint8Array.from(atob($("packed").textContent), (letter) => letter.charCodeAt(0));
    $("packed").remove();
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };

  let head, rows;
  try {
    [head, ...rows] = await unpacked();
  } catch (error) {
    $("found").textContent = "This browser cannot unpack the rows (" + error.message +
      "). They are in `batchdub report --format csv`.";
    return;
  }
  const at = Object.fromEntries(head.columns.map((name, place) => [name, place + 1]));
  const own = head.columns.slice(head.ours);
  const valueOf = (row, name) => row[at[name]] ?? "";
  const standingOf = (row) => head.standings[row[0]];
  const CHECK = "output_check", ON = "on disk", OFF = "not on disk";
  const diskOf = (row) => !(CHECK in at) || valueOf(row, "state") !== "completed" ? "" :
    valueOf(row, CHECK) === "verified" ? ON : OFF;

  // -- what there is to choose from ----------------------------------------------------------
  const counts = new Map();
  const tally = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
  const values = new Map(own.map((name) => [name, new Map()]));
  for (const row of rows) {
    tally(counts, standingOf(row));
    tally(counts, valueOf(row, "state"));
    if (diskOf(row)) tally(counts, diskOf(row));
    for (const [name, seen] of values) if (seen.size <= MOST_VALUES) tally(seen, valueOf(row, name));
  }
  const byNumber = new Intl.Collator("en", { numeric: true }).compare;
  const option = (value, text) => {
    const made = make("option", text);
    made.value = value;
    return made;
  };
  const several = own.filter((name) => {
    const found = values.get(name).size;
    return found > 1 && found <= MOST_VALUES && found * 2 <= rows.length;
  });
  const is = $("is");
  is.append(option("", "any"));
  for (const [label, known] of [["In short", head.standings],
    ["In the ledger", [...new Set(rows.map((row) => valueOf(row, "state")))]],
    ["Finished dubs", [ON, OFF].filter((word) => counts.has(word))]]) {
    if (!known.length) continue;
    const group = make("optgroup");
    group.label = label;
    for (const word of known) {
      if (counts.has(word)) group.append(option(word, `${word.replaceAll("_", " ")} (${number(counts.get(word))})`));
    }
    is.append(group);
  }
  const selects = new Map();
  for (const name of several.slice(0, MOST_SELECTS)) {
    const select = make("select"), label = make("label", name);
    select.append(option("", "any"));
    for (const value of [...values.get(name).keys()].sort(byNumber)) {
      select.append(option("=" + value, `${value || NONE} (${number(values.get(name).get(value))})`));
    }
    label.append(select);
    $("columns").append(label);
    selects.set(name, select);
  }

  // -- which rows --------------------------------------------------------------------------
  let texts = null;
  const folded = (text) => text.normalize("NFC").toLowerCase();
  const searched = (words) => {
    texts ??= rows.map((row) => folded(row.slice(1).join("\n")));
    return (place) => words.every((word) => texts[place].includes(word));
  };
  let chosen = [], page = 0, wanted = new Map();
  const choose = () => {
    const words = folded($("search").value).split(/\s+/).filter(Boolean);
    const holds = [];
    if (is.value) holds.push((place) => [standingOf(rows[place]), valueOf(rows[place], "state"), diskOf(rows[place])].includes(is.value));
    for (const [name, value] of wanted) holds.push((place) => valueOf(rows[place], name) === value);
    if (words.length) holds.push(searched(words));
    chosen = [];
    for (let place = 0; place < rows.length; place += 1) {
      if (holds.every((hold) => hold(place))) chosen.push(place);
    }
    document.body.classList.toggle("filtered", holds.length > 0);
    page = 0;
    draw();
  };

  // -- how they are shown -------------------------------------------------------------------
  const shownOwn = [...several, ...own.filter((name) => !several.includes(name))].slice(0, MOST_SHOWN);
  const WHY = "error", WHEN = "finished_at", SENT = "submitted_at";
  let titles = [];
  const drawHead = () => {
    titles = ["reference_id", "state", ...shownOwn, "error", "when", "source"];
    const line = make("tr");
    line.setAttribute("role", "row");
    for (const title of titles) {
      const cell = make("th", title.replaceAll("_", " "));
      cell.scope = "col";
      cell.setAttribute("role", "columnheader");
      line.append(cell);
    }
    $("table").tHead.replaceChildren(line);
  };
  const isLong = (text) => text !== null && text !== undefined && String(text).length > LONG;
  const cellOf = (text, name, title) => {
    const cell = make("td", text, name);
    cell.setAttribute("role", "cell");
    if (isLong(text)) cell.classList.add("long");
    else if (String(text ?? "").length <= SHORT) cell.classList.add("short");
    if (title) cell.dataset.name = title;
    return cell;
  };
  const details = (row) => {
    const line = make("tr"), cell = cellOf(), list = make("dl", null, "all");
    line.setAttribute("role", "row");
    cell.colSpan = titles.length;
    for (const name of head.columns) {
      const value = valueOf(row, name);
      if (value !== "") list.append(make("dt", name), make("dd", value));
    }
    cell.append(list);
    line.append(cell);
    return line;
  };
  const more = (row, standing) => {
    const state = valueOf(row, "state");
    if (standing === "needs you" && state === "pending") return ", held";
    if (standing === "needs you" && ["submitted", "completed"].includes(state)) return ", ordered twice";
    return diskOf(row) === ON ? ", on disk" : "";
  };
  const drawn = (place) => {
    const row = rows[place], line = make("tr"), first = make("th");
    line.setAttribute("role", "row");
    if (isLong(valueOf(row, "reference_id"))) first.className = "long";
    first.scope = "row";
    first.setAttribute("role", "rowheader");
    const button = make("button", valueOf(row, "reference_id"), "more");
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    button.title = "Show all columns of this row";
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) line.nextSibling.remove();
      else line.after(details(row));
    });
    first.append(button);
    const standing = standingOf(row), state = cellOf(null, "state " + TONES[standing]);
    const sign = make("span", SIGNS[standing] + " ");
    sign.setAttribute("aria-hidden", "true");
    state.append(sign, valueOf(row, "state").replaceAll("_", " ") +
      more(row, standing));
    line.append(first, state);
    for (const name of shownOwn) line.append(cellOf(valueOf(row, name), "", name));
    line.append(cellOf(valueOf(row, WHY) || (diskOf(row) === OFF ? "dub: " + valueOf(row, CHECK) : ""), "", ""),
      // To the minute, as one scans a list; the row's own columns have it whole, with its zone.
      cellOf((valueOf(row, WHEN) || valueOf(row, SENT)).slice(0, 16), "time", ""),
      cellOf(valueOf(row, "source"), "source", ""));
    return line;
  };
  const draw = () => {
    const from = page * PAGE, shown = chosen.slice(from, from + PAGE);
    const fill = () => {
      drawHead();
      $("table").tBodies[0].replaceChildren(...shown.map(drawn));
    };
    fill();
    $("table").hidden = !shown.length;
    // A window that is too narrow for all columns has fewer; a row's own button has every one.
    while (shownOwn.length && $("table").scrollWidth > $("all").clientWidth) {
      shownOwn.pop();
      fill();
    }
    $("found").textContent = chosen.length === rows.length
      ? `${number(rows.length)} ${rows.length === 1 ? "row" : "rows"}`
      : `${number(chosen.length)} of ${number(rows.length)} rows`;
    $("place").textContent = `${number(from + 1)} to ${number(from + shown.length)} of ${number(chosen.length)}`;
    $("pages").hidden = chosen.length <= PAGE;
    $("back").disabled = page === 0;
    $("on").disabled = from + PAGE >= chosen.length;
  };

  // -- the address: a filter can be linked to, and Back undoes it ---------------------------
  const remember = () => {
    const said = new URLSearchParams();
    if ($("search").value) said.set("q", $("search").value);
    if (is.value) said.set("is", is.value);
    for (const [name, value] of wanted) said.set("c." + name, value || NONE);
    history.replaceState(null, "", said.size ? "#rows?" + said : "#rows");
  };
  const recall = () => {
    const said = new URLSearchParams(location.hash.split("?").slice(1).join("?"));
    $("search").value = said.get("q") ?? "";
    is.value = said.get("is") ?? "";
    if (is.selectedIndex < 0) is.value = "";
    wanted = new Map();
    for (const [key, value] of said) {
      if (key.startsWith("c.") && key.slice(2) in at) wanted.set(key.slice(2), value === NONE ? "" : value);
    }
    for (const [name, select] of selects) select.value = wanted.has(name) ? "=" + wanted.get(name) : "";
    choose();
  };
  const changed = () => {
    for (const [name, select] of selects) {
      if (select.value) wanted.set(name, select.value.slice(1));
      else wanted.delete(name);
    }
    choose();
    remember();
  };
  addEventListener("hashchange", () => {
    recall();
    if (location.hash.startsWith("#rows?")) $("rows").focus();
  });
  $("filter").addEventListener("input", changed);
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  $("filter").addEventListener("reset", (event) => {
    event.preventDefault();
    history.replaceState(null, "", "#rows");
    recall();
    $("search").focus();
  });
  const turn = (pages) => {
    page += pages;
    draw();
    $("rows").focus();
  };
  $("back").addEventListener("click", () => turn(-1));
  $("on").addEventListener("click", () => turn(1));
  $("filter").hidden = false;
  recall();
  document.body.dataset.ready = String(rows.length);
})();
