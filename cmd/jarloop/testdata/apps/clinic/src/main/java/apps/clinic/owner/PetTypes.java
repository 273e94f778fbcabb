package apps.clinic.owner;

import java.util.List;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Query;

public interface PetTypes extends JpaRepository<PetType, Integer> {
    @Query("SELECT t FROM PetType t ORDER BY t.name")
    List<PetType> all();
}
