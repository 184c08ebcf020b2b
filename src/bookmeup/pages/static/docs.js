// Starts Swagger UI on our own document. No validator is asked: the page works without the internet.
window.addEventListener("load", () => {
  const start = document.getElementById("docs");
  window.SwaggerUIBundle({ url: start.dataset.document, domNode: start, deepLinking: true, validatorUrl: null });
});
