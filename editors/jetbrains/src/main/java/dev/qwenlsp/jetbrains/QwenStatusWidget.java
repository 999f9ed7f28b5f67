package dev.qwenlsp.jetbrains;

import com.google.gson.JsonObject;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.wm.StatusBar;
import com.intellij.openapi.wm.StatusBarWidget;
import com.intellij.openapi.wm.StatusBarWidgetFactory;
import java.awt.Component;
import org.jetbrains.annotations.NotNull;

/** `qwen` and what the server is doing, in the status bar; its tooltip says what to do. */
public final class QwenStatusWidget implements StatusBarWidget, StatusBarWidget.TextPresentation {
    static final String ID = "qwenLsp.status";
    private final QwenState state;

    QwenStatusWidget(Project project) {
        state = project.getService(QwenState.class);
    }

    @Override
    public @NotNull String ID() {
        return ID;
    }

    @Override
    public WidgetPresentation getPresentation() {
        return this;
    }

    @Override
    public void install(@NotNull StatusBar statusBar) {}

    @Override
    public void dispose() {}

    @Override
    public @NotNull String getText() {
        String name = QwenState.text(state.status(), "state");
        return "qwen: " + Texts.get("state." + (name.isEmpty() ? "none" : name));
    }

    @Override
    public float getAlignment() {
        return Component.CENTER_ALIGNMENT;
    }

    @Override
    public String getTooltipText() {
        JsonObject status = state.status();
        String speed = QwenState.text(status, "tokensPerSecond");
        return "%s %s %s".formatted(QwenState.text(status, "message"), QwenState.text(status, "remedy"),
                speed.isEmpty() ? "" : speed + " t/s").trim();
    }

    /** Makes the widget; named in plugin.xml. */
    public static final class Factory implements StatusBarWidgetFactory {
        @Override
        public @NotNull String getId() {
            return ID;
        }

        @Override
        public @NotNull String getDisplayName() {
            return Texts.get("name");
        }

        @Override
        public @NotNull StatusBarWidget createWidget(@NotNull Project project) {
            return new QwenStatusWidget(project);
        }
    }
}
