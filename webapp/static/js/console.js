// The console's own scripts. Every page works without them; they add keys, copying and small comforts.
import { startShortcuts } from "./shortcuts.js";
import { startCopying } from "./copy.js";
import { startComforts } from "./comforts.js";

startShortcuts(document);
startCopying(document);
startComforts(document);
