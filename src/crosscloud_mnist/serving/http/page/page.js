// The page: a pad to draw on, the model's input, its probabilities, its lineage.
import { locale, message, percent } from "./messages.js";

const byId = (id) => document.getElementById(id);
const pad = byId("pad"), drawing = pad.getContext("2d");
const bars = byId("probabilities"), modelInput = byId("model-input").getContext("2d");
const PEN_START = { x: 140, y: 60 };
const DIGITS = [..."0123456789"];
let isPointerDown = false, isPenDown = false, pen = PEN_START;
let classes = DIGITS, minConfidence = 0, lastImage = null, prediction = 0; // prediction: which of them was the last

function create(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function translatePage() {
  document.documentElement.lang = locale;
  for (const element of document.querySelectorAll("[data-message]")) element.textContent = message(element.dataset.message);
  for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = message(element.dataset.label);
}

function createBars() {
  bars.replaceChildren(...classes.map((name) => create("li", {},
    create("span", { textContent: name }),
    create("div", { role: "meter", ariaValueMin: 0, ariaValueMax: 1, ariaValueNow: 0, ariaLabel: message("class", { name }) }, create("i")),
    create("span", { textContent: "–" }))));
}

function setMeter(row, probability) {
  row.children[1].setAttribute("aria-valuenow", probability.toFixed(4)); // no exponent, which is not a valid value
  row.children[1].firstChild.style.width = `${probability * 100}%`;
}

function showMessage(text, className = "") {
  byId("prediction").className = className;
  byId("prediction").textContent = text;
}

function clear() {
  drawing.fillStyle = "#fff";
  drawing.fillRect(0, 0, pad.width, pad.height);
  Object.assign(drawing, { lineWidth: 16, lineCap: "round", lineJoin: "round", strokeStyle: "#1d2733" });
  isPenDown = false;
  pen = PEN_START;
  showMessage("–");
  modelInput.clearRect(0, 0, modelInput.canvas.width, modelInput.canvas.height);
  byId("review").textContent = "";
  byId("steps").hidden = true;
  for (const row of bars.children) {
    row.className = "";
    setMeter(row, 0);
    row.children[2].textContent = "–";
  }
}

function drawLineTo(position) {
  drawing.beginPath();
  drawing.moveTo(pen.x, pen.y);
  drawing.lineTo(position.x, position.y);
  drawing.stroke();
  pen = position;
}

function toPadPosition(event) {
  const box = pad.getBoundingClientRect();
  return { x: (event.clientX - box.left) * pad.width / box.width, y: (event.clientY - box.top) * pad.height / box.height };
}

pad.addEventListener("pointerdown", (event) => {
  pad.setPointerCapture(event.pointerId);
  isPointerDown = true;
  pen = toPadPosition(event);
  drawLineTo(pen);
});
pad.addEventListener("pointermove", (event) => { if (isPointerDown) drawLineTo(toPadPosition(event)); });
for (const name of ["pointerup", "pointercancel"]) {
  pad.addEventListener(name, () => { if (isPointerDown) { isPointerDown = false; predictDrawing(); } });
}

const steps = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] };
const clamp = (value) => Math.min(270, Math.max(10, value));
pad.addEventListener("keydown", (event) => {
  const step = steps[event.key];
  if (step) {
    const position = { x: clamp(pen.x + step[0]), y: clamp(pen.y + step[1]) };
    if (isPenDown) drawLineTo(position); else pen = position;
  } else if (event.key === " ") { isPenDown = !isPenDown; if (isPenDown) drawLineTo(pen);
  } else if (event.key === "Enter") { predictDrawing();
  } else if (event.key === "Escape") { clear();
  } else { return; }
  event.preventDefault();
});

for (const name of ["dragover", "dragleave", "drop"]) {
  pad.addEventListener(name, (event) => {
    event.preventDefault();
    pad.classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) predictFile(event.dataTransfer.files[0]);
  });
}
byId("file").addEventListener("change", (event) => { if (event.target.files.length) predictFile(event.target.files[0]); });
byId("predict").addEventListener("click", predictDrawing);
byId("clear").addEventListener("click", clear);

function predictDrawing() { pad.toBlob(predict, "image/png"); }

async function predictFile(file) {
  clear();
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(pad.width / image.width, pad.height / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    drawing.drawImage(image, (pad.width - width) / 2, (pad.height - height) / 2, width, height);
  } catch { /* the endpoint's response says what is wrong with the file */ }
  predict(file);
}

function authorization() {
  const token = byId("token").value;
  return token ? { authorization: `Bearer ${token}` } : {};
}

function send(path, image) {
  const type = image.type || "image/unknown"; // a browser does not know every image's type
  return fetch(path, { method: "POST", body: image, headers: { "content-type": type, ...authorization() } });
}

async function predict(image) {
  showMessage("…");
  const own = ++prediction;
  try {
    const response = await send("/image", image);
    const content = await response.json();
    if (own !== prediction) return;
    if (response.status === 401) byId("token-row").hidden = false;
    if (response.ok) { lastImage = image; showPrediction(content); } else showMessage(content.message, "error");
  } catch { showMessage(message("noAnswer"), "error"); }
}

function showPrediction({ model_input: pixels, probabilities }) {
  const highest = Math.max(...probabilities), predicted = probabilities.indexOf(highest);
  showMessage(classes[predicted], classes[predicted].length > 2 ? "word" : "");
  byId("review").textContent = highest >= minConfidence ? ""
    : message("review", { probability: percent(highest, 1), threshold: percent(minConfidence, 0) });
  [...bars.children].forEach((row, index) => {
    row.className = index === predicted ? "predicted" : "";
    setMeter(row, probabilities[index]);
    row.children[2].textContent = percent(probabilities[index], 1);
  });
  showModelInput(pixels);
  byId("steps").hidden = false;
  byId("step-images").replaceChildren();
  showSteps();
}

function showModelInput(pixels) {
  const [height, width] = [pixels.length, pixels[0].length];
  Object.assign(modelInput.canvas, { height, width });
  byId("input-size").textContent = `${height} × ${width}`;
  const image = modelInput.createImageData(width, height);
  pixels.flat().forEach((value, index) => image.data.set([value, value, value].flat().slice(0, 3).concat(255), index * 4));
  modelInput.putImageData(image, 0, 0);
}

async function showSteps() {
  const images = byId("step-images");
  if (!byId("steps").open || images.children.length) return;
  const own = prediction;
  try {
    const response = await send("/image/steps", lastImage);
    const content = await response.json();
    if (own !== prediction || !response.ok) return;
    images.replaceChildren(...content.steps.map(({ name, image }) =>
      create("li", {}, create("img", { src: image, alt: "" }), create("span", { textContent: message(name) }))));
  } catch { showMessage(message("noAnswer"), "error"); }
}

async function openReport(event) {
  const headers = authorization();
  if (!("authorization" in headers)) return; // the link works as it is
  event.preventDefault();
  const response = await fetch(byId("report").href, { headers });
  if (!response.ok) return;
  const address = URL.createObjectURL(await response.blob());
  create("a", { href: address, download: "report.html" }).click(); // a link sends no token
  URL.revokeObjectURL(address);
}

async function showModel() {
  const response = await fetch("/version", { headers: authorization() });
  if (!response.ok) { byId("token-row").hidden = false; byId("version").textContent = message("enterToken"); return; }
  const { name, version, digest, card, contract, min_confidence, report } = await response.json();
  const accuracy = percent(card.metrics.test_accuracy, 2);
  byId("version").textContent = message("version", { name, version });
  byId("accuracy").hidden = false;
  byId("accuracy").textContent = message("accuracy", { accuracy });
  byId("report").hidden = report === null;
  byId("report").href = `${report}?language=${locale}`;
  minConfidence = min_confidence;
  if (contract.classes.join() !== classes.join()) {
    classes = contract.classes;
    createBars();
    document.querySelector("h1").textContent = message("headingOfImages");
  }
  const rows = { testAccuracy: accuracy, trainedOn: card.dataset, dataDigest: card.dataset_digest,
    code: card.git_commit ?? message("notRecorded"), bundleDigest: digest };
  byId("lineage").replaceChildren(...Object.entries(rows).flatMap(([key, value]) =>
    [create("dt", { textContent: message(key) }), create("dd", { textContent: value })]));
}

byId("token").addEventListener("change", showModel);
byId("steps").addEventListener("toggle", showSteps);
byId("report").addEventListener("click", openReport);
translatePage();
createBars();
clear();
showModel();
