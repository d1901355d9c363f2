// What is easier with a script, on pages that all work without one: a button that copies beside whatever has to be copied.
"use strict";
for (const code of document.querySelectorAll(".facts code")) {
  if (!navigator.clipboard) break;
  if (code.textContent.length < 16) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy small";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy " + (code.closest("div")?.querySelector("dt")?.textContent ?? ""));
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  code.after(" ", button);
}
