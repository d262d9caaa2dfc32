// A session in a cell: buttons, keys and a line to type into; pages come from the kernel, which escapes every text.
function render({ model, el }) {
  const cell = document.createElement("div");
  cell.className = "lstm-tui-cell";
  cell.tabIndex = 0;
  cell.setAttribute("role", "group");
  cell.setAttribute("aria-label", "debugger");
  cell.setAttribute("data-lm-suppress-shortcuts", "true"); // else Jupyter takes the keys for its own commands

  const hiding = document.createElement("style"); // the page that is kept for a notebook without a kernel
  hiding.textContent = "." + CSS.escape(model.get("still")) + " { display: none; }";
  const bar = document.createElement("div");
  bar.className = "lstm-tui-bar";
  bar.setAttribute("role", "toolbar");
  const page = document.createElement("div");
  page.setAttribute("aria-live", "polite");

  const keys = new Set();
  const press = (key) => model.send({ press: key });
  for (const one of model.get("buttons")) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = one.title;
    button.dataset.key = one.key;
    if (one.is_key) {
      keys.add(one.key);
      const key = document.createElement("kbd");
      key.textContent = one.key;
      button.append(key);
    }
    button.append(one.label);
    button.addEventListener("click", () => press(one.key));
    bar.append(button);
  }
  const line = document.createElement("input");
  line.placeholder = "type a command, such as: break norm(c - prev(c)) > 2";
  line.setAttribute("aria-label", "command");
  line.spellcheck = false;
  const past = [];
  let at = 0;
  line.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && line.value.trim()) {
      past.push(line.value);
      at = past.length;
      model.send({ line: line.value });
      line.value = "";
    } else if (event.key === "ArrowUp" && at > 0) {
      line.value = past[--at];
    } else if (event.key === "ArrowDown" && at < past.length) {
      line.value = past[++at] ?? "";
    }
  });
  bar.append(line);
  cell.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !keys.has(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    press(event.key);
  });
  const show = () => {
    page.innerHTML = model.get("page");
  };
  model.on("change:page", show);
  show();
  cell.append(hiding, bar, page);
  el.append(cell);
  return () => model.off("change:page", show);
}
export default { render };
