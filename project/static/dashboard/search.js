// What is searched for stands in the address of the page, and an address has a limit: say so before it is sent.
(() => {
    const LONGEST = 24000; // characters of an address; servers take 32 KiB with everything else

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
