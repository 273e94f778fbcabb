package apps.clinic.owner;

import java.text.ParseException;
import java.util.Locale;
import org.springframework.format.Formatter;
import org.springframework.stereotype.Component;

@Component
public class PetTypeFormatter implements Formatter<PetType> {
    private final PetTypes types;

    public PetTypeFormatter(PetTypes types) {
        this.types = types;
    }

    @Override
    public String print(PetType type, Locale locale) {
        return type.getName() == null ? "" : type.getName();
    }

    @Override
    public PetType parse(String text, Locale locale) throws ParseException {
        return types.all().stream().filter(t -> t.getName().equals(text)).findFirst()
            .orElseThrow(() -> new ParseException("no such type: " + text, 0));
    }
}
