// Every text of the page; {name} stands for a value. The language is the browser's.
const catalogue = {
  heading: { en: "Which digit is it?", pt: "Que dígito é este?" },
  headingOfImages: { en: "What does the image show?", pt: "O que a imagem mostra?" },
  version: { en: "{name}, version {version}", pt: "{name}, versão {version}" },
  accuracy: { en: "{accuracy} on the test set", pt: "{accuracy} no conjunto de teste" },
  report: { en: "Report of this release", pt: "Relatório desta versão" },
  drawTitle: { en: "Draw a digit, or drop an image", pt: "Desenhe um dígito ou solte uma imagem" },
  padLabel: {
    en: "Drawing pad. Arrow keys move the pen, space lowers or lifts it, Enter predicts, Escape clears.",
    pt: "Área de desenho. As setas movem a caneta, espaço a abaixa ou levanta, Enter prevê, Esc limpa.",
  },
  keyMoves: { en: "move", pt: "movem" },
  space: { en: "space", pt: "espaço" },
  keyLifts: { en: "lowers or lifts the pen", pt: "abaixa ou levanta a caneta" },
  keyPredicts: { en: "predicts", pt: "prevê" },
  keyClears: { en: "clears", pt: "limpa" },
  predict: { en: "Ask the model", pt: "Perguntar ao modelo" },
  clear: { en: "Clear", pt: "Limpar" },
  chooseImage: { en: "Choose an image", pt: "Escolher uma imagem" },
  token: { en: "Bearer token", pt: "Token de acesso" },
  predictionTitle: { en: "The prediction", pt: "A previsão" },
  modelInput: { en: "what the model gets", pt: "o que o modelo recebe" },
  review: {
    en: "The probability is {probability}, below {threshold}: a person should check this prediction.",
    pt: "A probabilidade é {probability}, abaixo de {threshold}: uma pessoa deve conferir esta previsão.",
  },
  class: { en: "class {name}", pt: "classe {name}" },
  stepsTitle: { en: "How the image was read", pt: "Como a imagem foi lida" },
  gray: { en: "The file, upright and in gray", pt: "O arquivo, na posição correta e em cinza" },
  digit: { en: "The digit that was found", pt: "O dígito encontrado" },
  model_input: { en: "Scaled for the model", pt: "Ajustado para o modelo" },
  lineageTitle: { en: "Where the model comes from", pt: "De onde vem o modelo" },
  testAccuracy: { en: "Test accuracy", pt: "Acurácia no teste" },
  trainedOn: { en: "Trained on", pt: "Treinado com" },
  dataDigest: { en: "Data digest", pt: "Resumo dos dados" },
  code: { en: "Code", pt: "Código" },
  bundleDigest: { en: "Bundle digest", pt: "Resumo do pacote" },
  notRecorded: { en: "not recorded", pt: "não registrado" },
  enterToken: { en: "Enter the token to see what is served.", pt: "Informe o token para ver o que é servido." },
  noAnswer: { en: "The endpoint does not answer.", pt: "O serviço não responde." },
};

const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((language) => language in catalogue.heading);
const language = preferred ?? "en";
export const locale = { en: "en", pt: "pt-BR" }[language];

export function message(key, values = {}) {
  return catalogue[key][language].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function percent(share, digits) {
  return new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share);
}
