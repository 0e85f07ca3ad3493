// The theme's buttons that open a part of the navigation have no names of their own.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".bd-sidebar summary")) {
    const link = button.parentElement.parentElement.querySelector("a");
    button.setAttribute("aria-label", `Pages of ${link ? link.textContent.trim() : "this part"}`);
  }
});
