/* htmx would add an inline style for indicators, which no screen has and the Content-Security-Policy forbids. */
"use strict";
htmx.config.includeIndicatorStyles = false;
htmx.config.timeout = 60_000; // without it a request that is never answered would block its button for good
