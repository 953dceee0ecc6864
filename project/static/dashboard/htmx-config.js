/* htmx would write a style into the page for indicators that no screen has; the policy for browsers forbids it. */
"use strict";
htmx.config.includeIndicatorStyles = false;
