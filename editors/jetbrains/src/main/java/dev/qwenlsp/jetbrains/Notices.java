package dev.qwenlsp.jetbrains;

import com.intellij.notification.NotificationGroupManager;
import com.intellij.notification.NotificationType;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.util.text.StringUtil;

/** Notifications of the plugin's group. The IDE takes them for HTML: what a model or a file says is escaped. */
final class Notices {
    private Notices() {}

    static void info(Project project, String text) {
        show(project, text, NotificationType.INFORMATION);
    }

    static void warn(Project project, String text) {
        show(project, text, NotificationType.WARNING);
    }

    private static void show(Project project, String text, NotificationType type) {
        NotificationGroupManager.getInstance().getNotificationGroup("qwen-lsp").createNotification(html(text), type).notify(project);
    }

    static String html(String text) {
        return StringUtil.escapeXmlEntities(text).replace("\n", "<br>");
    }
}
