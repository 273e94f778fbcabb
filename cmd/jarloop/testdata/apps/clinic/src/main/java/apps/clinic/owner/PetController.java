package apps.clinic.owner;

import jakarta.validation.Valid;
import java.util.Collection;
import org.springframework.stereotype.Controller;
import org.springframework.validation.BindingResult;
import org.springframework.web.bind.WebDataBinder;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.InitBinder;
import org.springframework.web.bind.annotation.ModelAttribute;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;

@Controller
@RequestMapping("/owners/{ownerId}/pets")
class PetController {
    private static final String FORM = "pets/form";

    private final Owners owners;
    private final PetTypes types;

    PetController(Owners owners, PetTypes types) {
        this.owners = owners;
        this.types = types;
    }

    @ModelAttribute("types")
    Collection<PetType> types() {
        return types.all();
    }

    @ModelAttribute("owner")
    Owner owner(@PathVariable int ownerId) {
        return owners.findById(ownerId).orElseThrow();
    }

    @ModelAttribute("pet")
    Pet pet() {
        return new Pet();
    }

    @InitBinder("pet")
    void validator(WebDataBinder binder) {
        binder.setValidator(new PetValidator());
    }

    @GetMapping("/new")
    String form() {
        return FORM;
    }

    @PostMapping("/new")
    String create(Owner owner, @Valid Pet pet, BindingResult result) {
        if (owner.hasPet(pet.getName())) {
            result.rejectValue("name", "duplicate");
        }
        if (result.hasErrors()) {
            return FORM;
        }
        owner.addPet(pet);
        owners.save(owner);
        return "redirect:/owners/" + owner.getId();
    }

    @PostMapping("/{petId}/visits/new")
    String visit(Owner owner, @PathVariable int petId, @Valid Visit visit, BindingResult result) {
        if (!result.hasErrors()) {
            owner.pet(petId).orElseThrow().getVisits().add(visit);
            owners.save(owner);
        }
        return "redirect:/owners/" + owner.getId();
    }
}
