/* Names for what the theme leaves without one: the search, and the bar of buttons of each block.
 * Blocks that scroll are reached by the keyboard. */
new MutationObserver(function () {
  document.querySelectorAll(".md-search:not([aria-label])").forEach(function (search) {
    search.setAttribute("aria-label", "Search");
  });
  document.querySelectorAll("pre > code:not([tabindex])").forEach(function (code) {
    code.tabIndex = 0;
  });
  document.querySelectorAll(".md-code__nav:not([aria-label])").forEach(function (bar) {
    bar.setAttribute("aria-label", "Code " + bar.parentElement.id.replace(/\D/g, ""));
  });
}).observe(document.documentElement, { childList: true, subtree: true });
