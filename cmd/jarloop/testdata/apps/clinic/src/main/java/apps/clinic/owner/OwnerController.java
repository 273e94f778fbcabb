package apps.clinic.owner;

import jakarta.validation.Valid;
import java.util.Optional;
import org.springframework.data.domain.Page;
import org.springframework.data.domain.PageRequest;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.validation.BindingResult;
import org.springframework.web.bind.WebDataBinder;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.InitBinder;
import org.springframework.web.bind.annotation.ModelAttribute;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.servlet.ModelAndView;
import org.springframework.web.servlet.mvc.support.RedirectAttributes;

@Controller
class OwnerController {
    private static final String FORM = "owners/form";

    private final Owners owners;

    OwnerController(Owners owners) {
        this.owners = owners;
    }

    @InitBinder
    void allowedFields(WebDataBinder binder) {
        binder.setDisallowedFields("id");
    }

    @ModelAttribute("owner")
    Owner owner(@PathVariable Optional<Integer> ownerId) {
        return ownerId.map(id -> owners.findById(id).orElseThrow(() -> new IllegalArgumentException("no owner " + id)))
            .orElseGet(Owner::new);
    }

    @GetMapping("/owners/new")
    String form() {
        return FORM;
    }

    @PostMapping("/owners/new")
    String create(@Valid Owner owner, BindingResult result, RedirectAttributes redirect) {
        if (result.hasErrors()) {
            return FORM;
        }
        owners.save(owner);
        redirect.addFlashAttribute("message", "owner.created");
        return "redirect:/owners/" + owner.getId();
    }

    @GetMapping("/owners")
    String find(@RequestParam(defaultValue = "1") int page, @RequestParam(defaultValue = "") String lastName, Model model) {
        Page<Owner> found = owners.findByLastNameStartingWith(lastName, PageRequest.of(page - 1, 5));
        model.addAttribute("owners", found.getContent());
        model.addAttribute("pages", found.getTotalPages());
        model.addAttribute("total", found.getTotalElements());
        return "owners/list";
    }

    @GetMapping("/owners/{ownerId}")
    ModelAndView show(@ModelAttribute Owner owner) {
        return new ModelAndView("owners/details").addObject(owner);
    }
}
