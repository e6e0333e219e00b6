// The page: a pad to draw on, the model's input, its ten probabilities, its lineage.
const byId = (id) => document.getElementById(id);
const pad = byId("pad"), drawing = pad.getContext("2d");
const bars = byId("probabilities"), modelInput = byId("model-input").getContext("2d");
const PEN_START = { x: 140, y: 60 };
let isPointerDown = false, isPenDown = false, pen = PEN_START;

for (let digit = 0; digit < 10; digit++) {
  const row = document.createElement("li");
  row.innerHTML = `<span>${digit}</span><div role="meter" aria-valuemin="0" aria-valuemax="1" aria-label="digit ${digit}"><i></i></div><span>–</span>`;
  bars.append(row);
}

function setMeter(row, probability) {
  row.children[1].setAttribute("aria-valuenow", probability);
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
  modelInput.clearRect(0, 0, 28, 28);
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

async function predict(image) {
  showMessage("…");
  const type = image.type || "image/unknown"; // a browser does not know every image's type
  try {
    const response = await fetch("/image", { method: "POST", body: image, headers: { "content-type": type, ...authorization() } });
    const content = await response.json();
    if (response.status === 401) byId("token-row").hidden = false;
    if (response.ok) showPrediction(content); else showMessage(content.message, "error");
  } catch { showMessage("The endpoint does not answer.", "error"); }
}

function showPrediction({ model_input: pixels, probabilities }) {
  const predicted = probabilities.indexOf(Math.max(...probabilities));
  showMessage(String(predicted));
  [...bars.children].forEach((row, digit) => {
    row.className = digit === predicted ? "predicted" : "";
    setMeter(row, probabilities[digit]);
    row.children[2].textContent = `${(probabilities[digit] * 100).toFixed(1)} %`;
  });
  const image = modelInput.createImageData(28, 28);
  pixels.flat().forEach((value, index) => image.data.set([value, value, value, 255], index * 4));
  modelInput.putImageData(image, 0, 0);
}

async function showModel() {
  const response = await fetch("/version", { headers: authorization() });
  if (!response.ok) { byId("token-row").hidden = false; byId("version").textContent = "Enter the token to see what is served."; return; }
  const { name, version, digest, card } = await response.json();
  const accuracy = `${(card.metrics.test_accuracy * 100).toFixed(2)} %`;
  byId("version").textContent = `${name}, version ${version}`;
  byId("accuracy").hidden = false;
  byId("accuracy").textContent = `${accuracy} on the test set`;
  const rows = { "Test accuracy": accuracy, "Trained on": card.dataset,
    "Data digest": card.dataset_digest, "Code": card.git_commit ?? "not recorded", "Bundle digest": digest };
  byId("lineage").replaceChildren(...Object.entries(rows).flatMap(([term, value]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = value;
    return [dt, dd];
  }));
}

byId("token").addEventListener("change", showModel);
clear();
showModel();
