// The search text is part of the page's address, whose length is limited: check it before sending.
(() => {
    const LONGEST = 24000; // characters in the address; servers accept 32 KiB including headers

    document.addEventListener("submit", (event) => {
        const form = event.target;
        if (form.getAttribute("role") !== "search") return;
        const input = form.querySelector("input[name=q]");
        if (!input) return;
        const tooLong = encodeURIComponent(input.value).length > LONGEST;
        input.setCustomValidity(
            tooLong ? "This is too long for one search. Paste at most 500 addresses at a time." : ""
        );
        if (tooLong) {
            event.preventDefault();
            input.reportValidity();
        }
    });
    document.addEventListener("input", (event) => {
        if (event.target.name === "q") event.target.setCustomValidity("");
    });
})();
