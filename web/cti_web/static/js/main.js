/* What makes the pages live. Each module listens on the document, so that it works for whatever htmx puts in. */
import "./setup.js";
import "./said.js";
import "./regions.js";
import "./dialogs.js";
import "./desk.js";
import "./keys.js";
import "./ticks.js";
import "./find.js";
import "./calls.js";
import "./preferences.js";
import "./telephone.js";
import "./pop_up_test.js";
import "./tail.js";
import "./sim.js";
import "./profile_editor.js";
import "./typed.js";
