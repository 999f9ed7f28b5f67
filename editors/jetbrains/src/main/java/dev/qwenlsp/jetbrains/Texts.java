package dev.qwenlsp.jetbrains;

import com.intellij.DynamicBundle;
import java.text.MessageFormat;
import java.util.ResourceBundle;

/** The plugin's own sentences, in the language of the IDE; all others come from the server. */
final class Texts {
    private Texts() {}

    static String get(String key, Object... values) {
        ResourceBundle bundle = ResourceBundle.getBundle(
                "messages.QwenBundle", DynamicBundle.getLocale(), Texts.class.getClassLoader());
        return MessageFormat.format(bundle.getString(key), values);
    }
}
