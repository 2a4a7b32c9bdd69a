// A field that somebody is typing in is never overwritten by a live update.
if (window.Idiomorph) window.Idiomorph.defaults.ignoreActiveValue = true;
