/* Import Users from Thinkific: says at once what both toggles together mean. */
"use strict";
{
  const form = document.querySelector("#tool-import-users form");
  const hint = form?.querySelector("[data-both-toggles]");
  const show = () => (hint.hidden = !(form.elements.allow_emails.checked && form.elements.prohibit_emails.checked));
  form?.addEventListener("change", show);
  if (form) show();
}
