// Renews what is on display, in place. Everything works without it.
"use strict";
(() => {
  const EVERY = 5000;
  const box = document.getElementById("live");
  const parts = document.querySelectorAll("[data-live][id]");
  if (!box || parts.length < 2) return;
  box.parentElement.hidden = false;
  try { box.checked = sessionStorage.getItem("live") !== "no"; } catch (_) { /* stays as it is */ }
  box.addEventListener("change", () => {
    try { sessionStorage.setItem("live", box.checked ? "yes" : "no"); } catch (_) { /* for this page */ }
  });
  const busy = (part) => {
    const selected = window.getSelection();
    return part.contains(document.activeElement)
      || (selected && !selected.isCollapsed && part.contains(selected.anchorNode));
  };
  const renew = async () => {
    if (!box.checked || document.hidden) return;
    const answer = await fetch(location.href, {
      headers: { "X-Drover-Live": "1" }, credentials: "same-origin", cache: "no-store",
    });
    // Logged out, or what was shown is gone.
    if (answer.redirected) { location.reload(); return; }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const other = fresh.getElementById(part.id);
      if (other && !busy(part) && part.innerHTML !== other.innerHTML) {
        part.replaceChildren(...other.childNodes);
      }
    }
    document.documentElement.dataset.renewed = String(Date.now());
  };
  const again = () => setTimeout(() => renew().catch(() => {}).finally(again), EVERY);
  again();
})();
