// What is easier with a script, on pages that all work without one.
"use strict";
