// The page of `cortado serve`: an editor that checks and draws a definition, a form that trains it, and a view of every job.

const main = document.getElementById("main");
const list = document.getElementById("jobs");

/** Makes an element of properties, attributes and what is inside. */
function make(tag, properties = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...inside.filter((one) => one !== null && one !== undefined));
  return element;
}

/** Asks the server; an answer that says no is an error with its reason. */
async function ask(path, body) {
  const isForm = body instanceof FormData;
  const options = body === undefined ? {} : {
    method: "POST",
    headers: isForm ? {} : { "Content-Type": "application/json" },
    body: isForm ? body : JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  const isJson = (answer.headers.get("Content-Type") || "").includes("json");
  if (!answer.ok) {
    const why = isJson ? (await answer.json()).error : await answer.text();
    throw new Error(why || answer.statusText);
  }
  return isJson ? answer.json() : answer.text();
}

function labelled(text, input, kind = "") {
  return make("label", { class: kind }, text, input);
}

/** A number as people read it. */
function figure(value) {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 0.001 ? value.toPrecision(4) : value.toExponential(2);
}

// ---------------------------------------------------------------------------------------------------------------------
// The list of jobs

async function refreshJobs() {
  try {
    const jobs = await ask("/api/jobs");
    list.replaceChildren(...jobs.reverse().map((job) => {
      const done = job.progress === null ? "" : ` ${Math.round(100 * job.progress)} %`;
      const loss = job.last ? `, loss ${figure(job.last.smoothed_loss ?? job.last.loss)}` : "";
      const here = location.hash === `#job/${encodeURIComponent(job.id)}` ? "job here" : "job";
      return make("a", { class: here, href: `#job/${encodeURIComponent(job.id)}` },
        job.id, make("small", {}, `${job.status}${done}${loss}`));
    }));
    if (!jobs.length) list.replaceChildren(make("p", { class: "quiet" }, "None yet."));
  } catch (error) {
    list.replaceChildren(make("p", { class: "bad" }, error.message));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// A new net: editor, complaints, table, picture, training

/** What is written stays while other views are looked at. */
let draft = null;

async function showNew() {
  if (!draft) draft = buildNew(await ask("/api/start"));
  main.replaceChildren(draft);
}

function buildNew(start) {
  const text = make("textarea", { spellcheck: false, "aria-label": "The definition" });
  const gutter = make("pre", { "aria-hidden": "true" });
  const language = make("select", {}, ...[["caffe", "Caffe (prototxt, Python)"], ["torch", "Torch7 (Lua)"],
    ["tensorflow", "TensorFlow (Python)"]].map(([value, name]) => make("option", { value }, name)));
  const examples = make("select", {}, make("option", { value: "" }, "an example …"), ...start.examples.map(
    (example, i) => make("option", { value: String(i) }, `${example.name} (${example.language})`)));
  const options = {
    "input-shape": make("input", { size: 10, placeholder: "3,28,28" }),
    shape: make("input", { size: 18, placeholder: "data=64,3,28,28" }),
    classes: make("input", { size: 5, placeholder: "10" }),
    stage: make("input", { size: 8, placeholder: "TRAIN" }),
    param: make("input", { size: 14, placeholder: "depth=50" }),
    call: make("input", { size: 14, placeholder: "createModel()" }),
    loss: make("input", { size: 18, placeholder: "nn.MSECriterion()" }),
  };
  const verdict = make("div");
  const table = make("div", { class: "scroll" });
  const picture = make("div");
  const draw = make("button", {}, "Visualize");

  const pasted = () => ({
    language: language.value,
    text: text.value,
    options: Object.fromEntries(Object.entries(options).map(([name, input]) => [name, input.value])),
  });

  let marked = new Set();
  const number = () => {
    const lines = text.value.split("\n").length;
    gutter.replaceChildren();
    for (let line = 1; line <= lines; line++) {
      gutter.append(marked.has(line) ? make("b", {}, String(line)) : String(line), "\n");
    }
    gutter.scrollTop = text.scrollTop;
  };
  text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });

  const goTo = (line, column) => {
    const before = text.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(before + column - 1, before + column - 1);
    text.scrollTop = Math.max(0, (line - 8) * parseFloat(getComputedStyle(text).lineHeight));
  };

  /** Edits are told in bytes. */
  const apply = (edit) => {
    const bytes = new TextEncoder().encode(text.value);
    const part = (from, to) => new TextDecoder().decode(bytes.slice(from, to));
    text.value = part(0, edit.start_byte) + edit.replacement + part(edit.end_byte);
    changed();
  };

  const complaint = (one) => {
    const [place] = one.labels;
    const where = place ? make("a", { onclick: () => goTo(place.line, place.column) }, `line ${place.line}`) : null;
    const others = one.labels.slice(1).filter((label) => label.text);
    const fix = one.edit ? make("button", { class: "plain", onclick: () => apply(one.edit) }, "Fix") : null;
    return make("div", { class: `complaint ${one.severity}` },
      make("p", {}, make("b", {}, one.message), " ", where, " ", make("code", {}, one.code)),
      place && place.text ? make("p", {}, place.text) : null,
      ...others.map((label) => make("p", {},
        make("a", { onclick: () => goTo(label.line, label.column) }, `line ${label.line}`), `: ${label.text}`)),
      ...one.notes.map((note) => make("p", { class: "quiet" }, note)),
      one.help ? make("p", {}, one.help, " ", fix) : fix);
  };

  const showTable = (stages) => {
    table.replaceChildren(...stages.filter((stage) => stage.layers.length).flatMap((stage) => [
      make("p", { class: "quiet" }, `${stage.stage}: ${stage.layers.length} layers, `
        + `${figure(stage.parameters)} parameters, ${figure(stage.multiply_adds)} multiply-adds`),
      make("table", {}, make("tr", {}, ...["layer", "type", "shape", "parameters"].map((h) => make("th", {}, h))),
        ...stage.layers.map((layer) => make("tr", {},
          make("td", {}, layer.name),
          make("td", {}, layer.type, layer.detail ? make("span", { class: "quiet" }, ` ${layer.detail}`) : null),
          make("td", {}, layer.tops.map((top) => top.shape ? top.shape.join(" × ") : "?").join("; ")),
          make("td", {}, layer.parameters.map((p) => (p.shape ? p.shape.join("×") : "?")
            + (p.shared_with ? ` (of ${p.shared_with})` : "")).join(", "))))),
    ]));
  };

  let turn = 0;
  const check = async () => {
    const mine = ++turn;
    if (!text.value.trim()) return verdict.replaceChildren(make("p", { class: "quiet" }, "Paste a definition, or take an example."));
    try {
      const said = await ask("/api/check", pasted());
      if (mine !== turn) return;
      marked = new Set(said.diagnostics.filter((d) => d.severity === "error" && d.labels.length).map((d) => d.labels[0].line));
      number();
      const errors = said.diagnostics.filter((d) => d.severity === "error").length;
      const others = said.diagnostics.length - errors;
      const sum = said.error ?? (errors ? `${errors} error${errors > 1 ? "s" : ""}` : "No errors")
        + (others ? `, ${others} warning${others > 1 ? "s" : ""}` : "");
      verdict.replaceChildren(make("p", { class: said.ok ? "good" : "bad" }, sum), ...said.diagnostics.map(complaint));
      showTable(said.stages);
    } catch (error) {
      if (mine === turn) verdict.replaceChildren(make("p", { class: "bad" }, error.message));
    }
  };
  let timer = 0;
  const changed = () => {
    marked = new Set();
    number();
    clearTimeout(timer);
    timer = setTimeout(check, 400);
  };
  text.addEventListener("input", changed);
  language.addEventListener("change", changed);
  Object.values(options).forEach((input) => input.addEventListener("input", changed));
  examples.addEventListener("change", () => {
    const example = start.examples[examples.value];
    if (!example) return;
    language.value = example.language;
    text.value = example.text;
    for (const input of Object.values(options)) input.value = "";
    for (const [name, value] of example.options) options[name].value = value;
    [solver.value, batch.value] = [example.solver, example.batch_size];
    examples.value = "";
    changed();
  });
  draw.addEventListener("click", async () => {
    draw.disabled = true;
    try {
      const svg = await ask("/api/visualize", pasted());
      const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
      picture.replaceChildren(make("a", { href: address, target: "_blank" },
        make("img", { class: "picture", src: address, alt: "The diagram of the net" })));
    } catch (error) {
      picture.replaceChildren(make("p", { class: "bad" }, error.message));
    }
    draw.disabled = false;
  });

  // Training.
  const input = (placeholder, value = "") => make("input", { placeholder, value, list: "places" });
  const found = (word) => start.idx.find((path) => path.includes(word)) ?? "";
  const files = {
    train_images: input("siamesedb/train_images"), train_labels: input("siamesedb/train_labels"),
    val_images: input("siamesedb/val_images"), val_labels: input("siamesedb/val_labels"),
  };
  const kind = make("select", {}, ...[["pairs", "pairs of IDX images, made first"], ["idx", "IDX files"],
    ["lmdb", "LMDBs"], ["own", "those of the definition's data layers"]].map(([value, name]) => make("option", { value }, name)));
  const suggest = () => {
    const isIdx = ["pairs", "idx"].includes(kind.value);
    const names = { train_images: "train-images", train_labels: "train-labels", val_images: "t10k-images", val_labels: "t10k-labels" };
    for (const [name, field] of Object.entries(files)) {
      field.value = isIdx ? found(names[name]) : "";
      field.parentElement.hidden = kind.value === "own";
    }
    count.parentElement.hidden = kind.value !== "pairs";
    mean.parentElement.hidden = kind.value !== "lmdb";
  };
  const mean = input("siamesedb/train_mean.binaryproto");
  const count = make("input", { size: 8, value: "40000" });
  const name = make("input", { value: "siamese" });
  const epochs = make("input", { size: 5, value: "6" });
  const batch = make("input", { size: 5, value: "64" });
  const solver = make("input", { value: "" });
  const train = make("button", {}, "Train");
  const trouble = make("p", { class: "bad" });
  kind.addEventListener("change", suggest);

  train.addEventListener("click", async () => {
    const at = Object.fromEntries(Object.entries(files).map(([key, field]) => [key, field.value.trim() || undefined]));
    const dataset = {};
    let clusters;
    if (kind.value === "lmdb") {
      dataset.train = { images: at.train_images, labels: at.train_labels };
      if (at.val_images) dataset.val = { images: at.val_images, labels: at.val_labels };
      if (mean.value.trim()) dataset.mean = mean.value.trim();
    } else if (kind.value === "idx") {
      dataset.train = { idx: { images: at.train_images, labels: at.train_labels } };
      if (at.val_images) dataset.val = { idx: { images: at.val_images, labels: at.val_labels } };
    } else if (kind.value === "pairs") {
      dataset.pairs = { images: at.train_images, labels: at.train_labels, val_images: at.val_images,
        val_labels: at.val_labels, count: Number(count.value), val_count: Math.ceil(Number(count.value) / 10) };
      if (at.val_images) clusters = { images: at.val_images, labels: at.val_labels };
    }
    const told = pasted();
    const run = { dataset, clusters, train: { epochs: Number(epochs.value), batch_size: Number(batch.value), seed: 1 } };
    if (told.options.call) run.call = told.options.call;
    if (told.options.loss) run.loss = told.options.loss;
    if (told.options.classes) dataset.classes = Number(told.options.classes);
    const params = told.options.param.split(/\s+/).filter(Boolean).map((one) => one.split(/=(.*)/s).slice(0, 2));
    if (params.length) run.params = Object.fromEntries(params);
    train.disabled = true;
    trouble.replaceChildren();
    try {
      const { id } = await ask("/api/jobs", { name: name.value, ...told, run, solver: solver.value });
      location.hash = `#job/${encodeURIComponent(id)}`;
    } catch (error) {
      trouble.replaceChildren(error.message);
    }
    train.disabled = false;
  });

  const page = make("div", {},
    make("h1", {}, "New net"),
    make("div", { class: "row" }, labelled("Language", language), labelled("Begin with", examples)),
    make("div", { class: "halves" },
      make("div", {},
        make("div", { class: "editor" }, gutter, text),
        make("div", { class: "row" }),
        make("div", { class: "row" },
          labelled("Input shape", options["input-shape"]), labelled("Shapes of blobs", options.shape),
          labelled("Classes", options.classes), labelled("Stage", options.stage), labelled("Parameters", options.param),
          labelled("Model", options.call), labelled("Loss", options.loss))),
      make("div", {}, verdict)),
    make("h2", {}, "Picture"), make("div", { class: "row" }, draw), picture,
    make("h2", {}, "Train"),
    make("datalist", { id: "places" }, ...[...start.databases, ...start.idx].map((value) => make("option", { value }))),
    make("div", { class: "row" }, labelled("Name", name), labelled("Data", kind), labelled("Number of pairs", count),
      labelled("Epochs", epochs), labelled("Batch size", batch)),
    make("div", { class: "row" },
      labelled("Training images", files.train_images, "wide"), labelled("Training labels", files.train_labels, "wide")),
    make("div", { class: "row" },
      labelled("Validation images", files.val_images, "wide"), labelled("Validation labels", files.val_labels, "wide")),
    make("div", { class: "row" }, labelled("Mean image", mean, "wide"), labelled("Solver, as in a run file", solver, "wide")),
    make("div", { class: "row" }, train), trouble,
    make("h2", {}, "Layers"), table);
  suggest();
  number();
  check();
  return page;
}

// ---------------------------------------------------------------------------------------------------------------------
// A job: progress, pictures, images to test

async function showJob(id) {
  const address = `/api/jobs/${encodeURIComponent(id)}`;
  const file = (name) => `/files/${encodeURIComponent(id)}/${encodeURIComponent(name)}`;
  const head = make("div");
  const plots = make("div", { class: "halves" });
  const tail = make("pre", { class: "console" });
  const links = make("p", {});
  const snapshots = make("select", {}, make("option", { value: "" }, "the last"));
  const net = make("div", {});
  const trouble = make("p", { class: "bad" });
  const act = (path) => async () => {
    try {
      await ask(`${address}/${path}`, {});
      trouble.replaceChildren();
      refresh();
    } catch (error) {
      trouble.replaceChildren(error.message);
    }
  };
  const abort = make("button", { class: "plain", onclick: act("abort") }, "Abort");
  const resume = make("button", { class: "plain", onclick: act("start") }, "Go on");

  const pictures = new Map();
  const picture = (name, title, changes) => {
    if (!pictures.has(name)) {
      const image = make("img", { class: "picture", alt: title, src: file(name) });
      pictures.set(name, image);
      plots.append(make("div", {}, make("h2", {}, title), make("a", { href: file(name), target: "_blank" }, image)));
    } else if (changes) {
      pictures.get(name).src = `${file(name)}?${Date.now()}`;
    }
  };

  let known = "";
  let before = "";
  const refresh = async () => {
    let job;
    try {
      job = await ask(address);
    } catch (error) {
      head.replaceChildren(make("p", { class: "bad" }, error.message));
      return;
    }
    const busy = ["Waiting", "Running"].includes(job.status);
    const changes = busy || job.status !== before;
    before = job.status;
    abort.hidden = !busy;
    resume.hidden = busy || job.status === "Done";
    const figures = [["status", job.status]];
    if (job.last) {
      figures.push(["updates", job.last.iteration + 1], ["epoch", job.last.epoch],
        ["training loss", job.last.smoothed_loss ?? job.last.loss], ["learning rate", job.last.lr]);
    }
    if (job.test) figures.push(["validation loss", job.test.loss]);
    for (const [name, value] of Object.entries(job.test ? job.test.outputs : {})) {
      if (typeof value === "number" && value !== job.test.loss) figures.push([`validation ${name}`, value]);
    }
    head.replaceChildren(
      make("progress", { max: 1, value: job.progress ?? 0 }),
      make("div", { class: "figures" }, ...figures.map(([what, value]) =>
        make("div", {}, make("b", {}, figure(value)), make("span", {}, what)))));
    if (job.files.includes("loss.svg")) picture("loss.svg", "Loss", changes);
    if (job.files.includes("clusters.svg")) picture("clusters.svg", "Embedding", changes);
    const atEnd = tail.scrollTop + tail.clientHeight >= tail.scrollHeight - 4;
    tail.replaceChildren(job.console);
    tail.hidden = !job.console;
    if (atEnd) tail.scrollTop = tail.scrollHeight;
    const all = JSON.stringify([job.files, job.snapshots]);
    if (all !== known) {
      known = all;
      links.replaceChildren(...job.files.flatMap((name) => [make("a", { href: file(name) }, name), " "]));
      const chosen = snapshots.value;
      snapshots.replaceChildren(make("option", { value: "" }, "the last"), ...job.snapshots.reverse().map((one) =>
        make("option", { value: one.epoch ?? "" }, `${one.iteration} updates${one.epoch === null ? "" : `, epoch ${figure(one.epoch)}`}`)));
      snapshots.value = chosen;
    }
  };

  // Images to test.
  const images = make("input", { type: "file", multiple: true, accept: "image/*" });
  const pairs = make("input", { type: "checkbox" });
  const others = make("input", { placeholder: "rois=0,10,10,100,100" });
  const test = make("button", {}, "Test");
  const look = make("button", { class: "plain" }, "Look inside");
  const results = make("div", {});
  const send = (path, show) => async () => {
    const form = new FormData();
    for (const image of images.files) form.append("images", image, image.name);
    if (pairs.checked) form.append("pairs", "1");
    for (const [, name, numbers] of others.value.matchAll(/(\S+?)=(\S+)/g)) form.append(`input.${name}`, numbers);
    if (snapshots.value) form.append("snapshot_epoch", snapshots.value);
    [test.disabled, look.disabled] = [true, true];
    try {
      results.replaceChildren(...show(await ask(`${address}/${path}`, form)));
    } catch (error) {
      results.replaceChildren(make("p", { class: "bad" }, error.message));
    }
    [test.disabled, look.disabled] = [false, false];
  };
  test.addEventListener("click", send("infer", (answer) => showResults(answer, [...images.files])));
  look.addEventListener("click", send("statistics", (page) =>
    [make("iframe", { class: "inside", sandbox: "", srcdoc: page, title: "Activations and parameters" })]));

  main.replaceChildren(make("h1", {}, id), make("div", { class: "row" }, abort, resume), trouble, head, plots,
    make("h2", {}, "Test images"),
    make("div", { class: "row" }, labelled("Images", images), labelled("Snapshot", snapshots),
      make("label", { class: "beside" }, pairs, "each two are a pair"), labelled("Other inputs", others), test, look),
    results, make("h2", {}, "Files"), links, make("h2", {}, "Net"), net, make("h2", {}, "Console"), tail);
  await refresh();
  net.append(make("a", { href: `${address}/network.svg`, target: "_blank" },
    make("img", { class: "picture", alt: "The diagram of the net", src: `${address}/network.svg` })));
  return refresh;
}

/** Outputs by image, whether one image or several were asked for. */
function showResults(answer, files) {
  const isNumbers = (value) => Array.isArray(value) && (value.length === 0 || typeof value[0] === "number" || Array.isArray(value[0]));
  const one = Object.values(answer.outputs).every(isNumbers);
  const byImage = one ? { [files.map((f) => f.name).join(", ")]: answer.outputs } : answer.outputs;
  return Object.entries(byImage).map(([name, outputs]) => {
    const file = files.find((f) => f.name === name) ?? (one ? files[0] : null);
    const said = (what) => one ? answer[what] : answer[what] && answer[what][name];
    const rows = Object.entries(outputs).map(([blob, values]) => {
      const flat = values.flat(Infinity);
      const shown = flat.slice(0, 20).map(figure).join(", ") + (flat.length > 20 ? ", …" : "");
      return make("tr", {}, make("td", {}, blob), make("td", {}, shown));
    });
    for (const what of ["distance", "angle"]) {
      if (said(what) !== undefined) rows.push(make("tr", {}, make("th", {}, what), make("th", {}, figure(said(what)))));
    }
    for (const [label, part] of said("predictions") ?? []) {
      rows.push(make("tr", {}, make("td", {}, label), make("td", {}, make("meter", { value: part }), ` ${figure(part)}`)));
    }
    return make("div", { class: "result" },
      file ? make("img", { src: URL.createObjectURL(file), alt: "" }) : null,
      make("div", {}, make("b", {}, name), make("table", {}, ...rows)));
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// What is shown

let refreshView = null;

async function show() {
  refreshView = null;
  const [what, id] = location.hash.slice(1).split("/");
  try {
    if (what === "job") {
      const refresh = await showJob(decodeURIComponent(id));
      if (location.hash.slice(1) === `job/${id}`) refreshView = refresh;
    } else {
      await showNew();
    }
  } catch (error) {
    main.replaceChildren(make("p", { class: "bad" }, error.message));
  }
  refreshJobs();
}

window.addEventListener("hashchange", show);
setInterval(() => {
  if (document.hidden) return;
  refreshJobs();
  if (refreshView) refreshView();
}, 2000);
show();
