// The page: a pad to draw on, the image the model sees, its ten probabilities, its lineage.
const at = (id) => document.getElementById(id);
const pad = at("pad"), pen = pad.getContext("2d");
const bars = at("bars"), seen = at("seen").getContext("2d");
let drawing = false, lowered = false, cursor = { x: 140, y: 60 };

for (let digit = 0; digit < 10; digit++) {
  const row = document.createElement("li");
  row.innerHTML = `<span>${digit}</span><div role="meter" aria-valuemin="0" aria-valuemax="1" aria-label="digit ${digit}"><i></i></div><span>–</span>`;
  bars.append(row);
}

function measure(row, probability) {
  row.children[1].setAttribute("aria-valuenow", probability);
  row.children[1].firstChild.style.width = `${probability * 100}%`;
}

function clear() {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, pad.width, pad.height);
  Object.assign(pen, { lineWidth: 16, lineCap: "round", lineJoin: "round", strokeStyle: "#1d2733" });
  lowered = false;
  cursor = { x: 140, y: 60 };
  at("answer").className = "";
  at("answer").textContent = "–";
  seen.clearRect(0, 0, 28, 28);
  for (const row of bars.children) {
    row.className = "";
    measure(row, 0);
    row.children[2].textContent = "–";
  }
}

function line(to) {
  pen.beginPath();
  pen.moveTo(cursor.x, cursor.y);
  pen.lineTo(to.x, to.y);
  pen.stroke();
  cursor = to;
}

function place(event) {
  const box = pad.getBoundingClientRect();
  return { x: (event.clientX - box.left) * pad.width / box.width, y: (event.clientY - box.top) * pad.height / box.height };
}

pad.addEventListener("pointerdown", (event) => {
  pad.setPointerCapture(event.pointerId);
  drawing = true;
  cursor = place(event);
  line(cursor);
});
pad.addEventListener("pointermove", (event) => { if (drawing) line(place(event)); });
for (const name of ["pointerup", "pointercancel"]) {
  pad.addEventListener(name, () => { if (drawing) { drawing = false; ask(); } });
}

const steps = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] };
pad.addEventListener("keydown", (event) => {
  const step = steps[event.key];
  if (step) {
    const to = { x: Math.min(270, Math.max(10, cursor.x + step[0])), y: Math.min(270, Math.max(10, cursor.y + step[1])) };
    if (lowered) line(to); else cursor = to;
  } else if (event.key === " ") { lowered = !lowered; if (lowered) line(cursor);
  } else if (event.key === "Enter") { ask();
  } else if (event.key === "Escape") { clear();
  } else { return; }
  event.preventDefault();
});

for (const name of ["dragover", "dragleave", "drop"]) {
  pad.addEventListener(name, (event) => {
    event.preventDefault();
    pad.classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) show(event.dataTransfer.files[0]);
  });
}
at("file").addEventListener("change", (event) => { if (event.target.files.length) show(event.target.files[0]); });
at("ask").addEventListener("click", ask);
at("clear").addEventListener("click", clear);

async function show(file) {
  clear();
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(pad.width / image.width, pad.height / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    pen.drawImage(image, (pad.width - width) / 2, (pad.height - height) / 2, width, height);
  } catch { /* the endpoint says what is wrong with the file */ }
  send(file);
}

function ask() { pad.toBlob(send, "image/png"); }

function headers() {
  const token = at("token").value;
  return token ? { authorization: `Bearer ${token}` } : {};
}

async function send(body) {
  at("answer").className = "";
  at("answer").textContent = "…";
  try {
    const response = await fetch("/image", { method: "POST", body, headers: headers() });
    const answer = await response.json();
    if (response.status === 401) at("token-row").hidden = false;
    if (!response.ok) return fail(answer.message);
    paint(answer);
  } catch { fail("The endpoint does not answer."); }
}

function fail(reason) {
  at("answer").className = "error";
  at("answer").textContent = reason;
}

function paint({ seen: pixels, probabilities }) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  at("answer").className = "";
  at("answer").textContent = String(best);
  [...bars.children].forEach((row, digit) => {
    row.className = digit === best ? "best" : "";
    measure(row, probabilities[digit]);
    row.children[2].textContent = `${(probabilities[digit] * 100).toFixed(1)} %`;
  });
  const image = seen.createImageData(28, 28);
  pixels.flat().forEach((value, index) => image.data.set([value, value, value, 255], index * 4));
  seen.putImageData(image, 0, 0);
}

async function describe() {
  const response = await fetch("/version", { headers: headers() });
  if (!response.ok) { at("token-row").hidden = false; at("served").textContent = "Enter the token to see what is served."; return; }
  const { name, version, digest, card } = await response.json();
  at("served").textContent = `${name}, version ${version}`;
  at("accuracy").hidden = false;
  at("accuracy").textContent = `${(card.metrics.test_accuracy * 100).toFixed(2)} % on the test set`;
  const rows = { "Test accuracy": `${(card.metrics.test_accuracy * 100).toFixed(2)} %`, "Trained on": card.dataset,
    "Data digest": card.dataset_digest, "Code": card.git_commit ?? "not recorded", "Bundle digest": digest };
  at("lineage").replaceChildren(...Object.entries(rows).flatMap(([term, value]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = value;
    return [dt, dd];
  }));
}

at("token").addEventListener("change", describe);
clear();
describe();
