package dev.qwenlsp.jetbrains;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.intellij.ide.util.PropertiesComponent;

/** The user's settings: which program, whether suggestions are paused, and the server's own as JSON. */
final class QwenSettings {
    private static final String PROGRAM = "qwenLsp.program", SERVER = "qwenLsp.server", PAUSED = "qwenLsp.paused",
            SNOOZED_UNTIL = "qwenLsp.snoozedUntil";

    private QwenSettings() {}

    static String program() {
        return PropertiesComponent.getInstance().getValue(PROGRAM, "");
    }

    static void setProgram(String program) {
        PropertiesComponent.getInstance().setValue(PROGRAM, program);
    }

    static String serverText() {
        return PropertiesComponent.getInstance().getValue(SERVER, "{}");
    }

    /** Keep the server's settings (`qwen-lsp config schema`). Throws JsonParseException when it is no object. */
    static void setServerText(String json) {
        parse(json);
        PropertiesComponent.getInstance().setValue(SERVER, json);
    }

    /** Whether suggestions are off, for good or for some minutes. */
    static boolean isPaused() {
        var kept = PropertiesComponent.getInstance();
        return kept.getBoolean(PAUSED) || System.currentTimeMillis() < Long.parseLong(kept.getValue(SNOOZED_UNTIL, "0"));
    }

    static void setPaused(boolean isPaused) {
        PropertiesComponent.getInstance().setValue(PAUSED, isPaused);
        snooze(0);
    }

    /** Switch suggestions off until some minutes from now; the moment is kept, so a restart of the IDE does not prolong it. */
    static void snooze(int minutes) {
        PropertiesComponent.getInstance().setValue(SNOOZED_UNTIL, String.valueOf(System.currentTimeMillis() + 60_000L * minutes));
    }

    /** The settings as the server takes them. */
    static JsonObject server() {
        JsonObject settings = parse(serverText());
        if (isPaused()) {
            JsonObject completion = settings.has("completion") ? settings.getAsJsonObject("completion") : new JsonObject();
            completion.addProperty("enabled", false);
            settings.add("completion", completion);
        }
        return settings;
    }

    /** Whether an endpoint is set here, so that no model is needed. */
    static boolean hasEndpoint() {
        JsonObject settings = parse(serverText());
        return settings.has("endpoint") && !QwenState.text(settings.getAsJsonObject("endpoint"), "url").isEmpty();
    }

    private static JsonObject parse(String json) {
        var value = JsonParser.parseString(json.isBlank() ? "{}" : json);
        if (!value.isJsonObject()) {
            throw new JsonParseException("not an object");
        }
        return value.getAsJsonObject();
    }
}
