package apps.clinic.owner;

import org.springframework.util.StringUtils;
import org.springframework.validation.Errors;
import org.springframework.validation.Validator;

public class PetValidator implements Validator {
    @Override
    public void validate(Object target, Errors errors) {
        Pet pet = (Pet) target;
        if (!StringUtils.hasText(pet.getName())) {
            errors.rejectValue("name", "required");
        }
        if (pet.isNew() && pet.getType() == null) {
            errors.rejectValue("type", "required");
        }
        if (pet.getBirthDate() == null) {
            errors.rejectValue("birthDate", "required");
        }
    }

    @Override
    public boolean supports(Class<?> type) {
        return Pet.class.isAssignableFrom(type);
    }
}
