package dev.qwenlsp.jetbrains;

import com.intellij.notification.NotificationGroupManager;
import com.intellij.notification.NotificationType;
import com.intellij.openapi.project.Project;

/** Notifications of the plugin's group. */
final class Notices {
    private Notices() {}

    static void info(Project project, String text) {
        show(project, text, NotificationType.INFORMATION);
    }

    static void warn(Project project, String text) {
        show(project, text, NotificationType.WARNING);
    }

    private static void show(Project project, String text, NotificationType type) {
        NotificationGroupManager.getInstance().getNotificationGroup("qwen-lsp").createNotification(text, type).notify(project);
    }
}
