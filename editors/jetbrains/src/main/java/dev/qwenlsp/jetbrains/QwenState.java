package dev.qwenlsp.jetbrains;

import com.google.gson.JsonObject;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.wm.WindowManager;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** What a project's windows show: the server's status, actions under way, the findings of the last review. */
public final class QwenState {
    private final Project project;
    private final Map<String, Consumer<JsonObject>> streams = new ConcurrentHashMap<>();
    private volatile JsonObject status = new JsonObject();
    private volatile List<JsonObject> findings = List.of();
    private volatile Runnable onFindings = () -> {};

    public QwenState(Project project) {
        this.project = project;
    }

    void setStatus(JsonObject status) {
        String before = text(this.status, "message");
        this.status = status;
        if ("error".equals(text(status, "state")) && !before.equals(text(status, "message"))) {
            Notices.warn(project, (text(status, "message") + "\n" + text(status, "remedy")).trim());
        }
        var statusBar = WindowManager.getInstance().getStatusBar(project);
        if (statusBar != null) {
            statusBar.updateWidget(QwenStatusWidget.ID);
        }
    }

    JsonObject status() {
        return status;
    }

    /** Whatever is written for an action with this id (`text` in place of `range`) goes to `reader`, until `forget`. */
    void follow(String id, Consumer<JsonObject> reader) {
        streams.put(id, reader);
    }

    void forget(String id) {
        streams.remove(id);
    }

    void streamed(String id, JsonObject streamed) {
        Consumer<JsonObject> reader = streams.get(id);
        if (reader != null) {
            reader.accept(streamed);
        }
    }

    void setFindings(List<JsonObject> findings) {
        this.findings = findings;
        onFindings.run();
    }

    List<JsonObject> findings() {
        return findings;
    }

    void onFindings(Runnable listener) {
        onFindings = listener;
    }

    /** A member as text; empty when it is missing. */
    static String text(JsonObject object, String member) {
        var value = object.get(member);
        return value == null || !value.isJsonPrimitive() ? "" : value.getAsString();
    }
}
