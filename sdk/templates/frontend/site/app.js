// Everything comes from the public HTTP API; text goes in as text, never as HTML.
const answer = await fetch("/api/v1/catalog/products");
const list = document.getElementById("products");
if (answer.ok) {
  for (const product of (await answer.json()).data) {
    const item = document.createElement("li");
    item.textContent = product.name;
    list.append(item);
  }
} else {
  list.textContent = "Please sign in.";
}
