/* A form that sends itself: at once (<form data-send>), or after some seconds (data-send="4"). At once means before
   the page has loaded: then the browser's button Back does not lead to this page, which would send it again. */
"use strict";
for (const form of document.querySelectorAll("form[data-send]")) {
  if (form.dataset.send) setTimeout(() => form.submit(), 1000 * Number(form.dataset.send));
  else form.submit();
}
