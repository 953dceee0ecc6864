/* htmx would add an inline style for indicators, which no screen has and the Content-Security-Policy forbids. */
"use strict";
htmx.config.includeIndicatorStyles = false;
