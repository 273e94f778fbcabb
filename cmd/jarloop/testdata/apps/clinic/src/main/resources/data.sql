INSERT INTO vets (first_name, last_name) VALUES ('First', 'Alpha'), ('Second', 'Beta'), ('Third', 'Gamma'), ('Fourth', 'Delta');
INSERT INTO specialties (name) VALUES ('radiology'), ('surgery'), ('dentistry');
INSERT INTO vet_specialties VALUES (2, 1), (3, 2), (3, 3), (4, 2);
INSERT INTO types (name) VALUES ('cat'), ('dog'), ('lizard'), ('snake'), ('bird'), ('hamster');
INSERT INTO owners (first_name, last_name, address, city, telephone) VALUES
  ('One', 'Ash', '1 First Street', 'North', '6085551023'), ('Two', 'Birch', '2 Second Street', 'South', '6085551749'),
  ('Three', 'Cedar', '3 Third Street', 'East', '6085558763'), ('Four', 'Elm', '4 Fourth Street', 'West', '6085553198'),
  ('Five', 'Fir', '5 Fifth Street', 'North', '6085552765'), ('Six', 'Hazel', '6 Sixth Street', 'South', '6085552654');
INSERT INTO pets (name, birth_date, type_id, owner_id) VALUES
  ('Black', '2010-09-07', 1, 1), ('White', '2012-08-06', 6, 2), ('Red', '2011-04-17', 2, 3), ('Blue', '2010-03-07', 2, 3),
  ('Green', '2010-11-30', 3, 4), ('Brown', '2010-01-20', 4, 5), ('Grey', '2012-09-04', 1, 6);
INSERT INTO visits (pet_id, visit_date, description) VALUES
  (7, '2013-01-01', 'rabies shot'), (1, '2013-01-02', 'rabies shot'), (1, '2013-01-03', 'neutered'), (7, '2013-01-04', 'spayed');
